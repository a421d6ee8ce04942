"""Pages of figures: tiles, charts with their tables, formulas, and the rows behind a figure
(M-10)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from billing.console.web import figure_form
from billing.console.web.figure_form import HERE, FiguresQuery, RowsQuery
from billing.console.web.pages import PAGE_LENGTH, Desk, page
from billing.figures import chart, csv_figures
from billing.figures.flows import read, rebuild
from billing.figures.periods import Filter, Length, PeriodFigures, months_between
from billing.figures.sums import MOVEMENTS
from billing.figures.web.shapes import filter_of
from billing.kernel.errors import Invalid, NotFound
from billing.kernel.money import Currency, Money
from billing.kernel.values import Value
from billing.web import http
from billing.web.inputs import read as typed_as

CSV = "text/csv; charset=utf-8"
ALWAYS_SHOWN = frozenset({"new", "expansion", "contraction", "churn"})
"""The movements that have a column even where there were none."""

PERCENT = 100

Number = int | None


class Figure(Value):
    """A figure with a page: how it is read of a period, whether it is money, and what its rows
    are, if it has any."""

    of: Callable[[PeriodFigures], Any]
    is_money: bool = True
    is_share: bool = False
    rows: str | None = None
    adds_up: bool = False


def _customers(name: str) -> Callable[[PeriodFigures], Any]:
    return lambda found: None if found.customers is None else found.customers[name]


def _sum(name: str) -> Callable[[PeriodFigures], Any]:
    return lambda found: found.sums[name]


FIGURES: Mapping[str, Figure] = {
    "mrr": Figure(lambda found: found.end, rows="mrr"),
    "committed_mrr": Figure(lambda found: found.committed, rows="pending"),
    "arr": Figure(lambda found: found.arr, rows="mrr"),
    "trial_mrr": Figure(lambda found: found.trial, rows="trial"),
    "customers": Figure(_customers("end"), is_money=False, rows="customers"),
    "subscriber_churn": Figure(
        lambda found: found.subscriber_churn, is_money=False, is_share=True, rows="customers"
    ),
    "gross_churn": Figure(
        lambda found: found.gross_churn, is_money=False, is_share=True, rows="mrr"
    ),
    "net_churn": Figure(lambda found: found.net_churn, is_money=False, is_share=True, rows="mrr"),
    "arpu": Figure(lambda found: found.arpu),
    "ltv": Figure(lambda found: found.ltv),
    "revenue": Figure(_sum("revenue"), rows="revenue", adds_up=True),
    "refunds": Figure(_sum("refunds"), rows="refunds", adds_up=True),
    "chargebacks": Figure(_sum("chargebacks"), rows="chargebacks", adds_up=True),
    "tax": Figure(
        lambda found: found.sums["tax"] - found.sums["refunded_tax"], rows="tax", adds_up=True
    ),
    "failed": Figure(_sum("failed"), is_money=False, rows="failed", adds_up=True),
    "cancel_requests": Figure(
        _sum("cancel_requests"), is_money=False, rows="cancel_requests", adds_up=True
    ),
}
"""The figures that have a page, in the order of their tiles."""


class Tile(Value):
    """A figure at the end of the span, and at the end of the span before; None is too little
    data."""

    name: str
    now: Any
    before: Any
    is_money: bool
    is_share: bool


class View(Value):
    """The figures of a span, and of one as long before it."""

    typed: Mapping[str, str]
    wanted: Filter
    before: list[PeriodFigures]
    found: list[PeriodFigures]

    def tile(self, name: str) -> Tile:
        figure = FIGURES[name]
        now, before = (_value(figure, periods) for periods in (self.found, self.before))
        currency = Currency(self.wanted.currency)
        shown = _shown(figure, now, currency), _shown(figure, before, currency)
        return Tile(name, shown[0], shown[1], figure.is_money, figure.is_share)


def _value(figure: Figure, periods: list[PeriodFigures]) -> Any:
    if figure.adds_up:
        return sum(figure.of(found) for found in periods)
    return figure.of(periods[-1]) if periods else None


def _shown(figure: Figure, value: Any, currency: Currency) -> Any:
    """Returns a value as its page shows it: money, a share in percent, or a count."""
    if value is None:
        return None
    if figure.is_money:
        return Money(value, currency)
    return f"{value * PERCENT:.2f}" if figure.is_share else value


def overview(desk: Desk) -> http.Answer:
    """Shows the tiles, and recurring revenue with its movements month by month."""
    view, wrong = _view(desk)
    drawn = [(found.period, found.end) for found in view.found]
    return page(
        desk,
        "console/figures.html",
        status=422 if wrong else 200,
        **_around(desk, view, wrong),
        kept=figure_form.kept(view.typed),
        tiles=[view.tile(name) for name in FIGURES],
        chart=chart.of(drawn),
        movements=[
            name
            for name in MOVEMENTS
            if name in ALWAYS_SHOWN or any(each.movements[name] for each in view.found)
        ],
        done=desk.request.query().get("done") == "rebuild",
    )


def figure_page(desk: Desk, name: str) -> http.Answer:
    """Shows one figure month by month, with its formula and the way to its rows."""
    figure = FIGURES.get(name)
    if figure is None:
        raise NotFound()
    view, wrong = _view(desk)
    currency = Currency(view.wanted.currency)
    values = [(found.period, figure.of(found)) for found in view.found]
    kept = figure_form.part(view.typed)
    scale = 100 * PERCENT if figure.is_share else 1
    return page(
        desk,
        "console/figure.html",
        status=422 if wrong else 200,
        **_around(desk, view, wrong),
        name=name,
        figure=figure,
        tile=view.tile(name),
        chart=chart.of([(period, int((value or 0) * scale)) for period, value in values]),
        values=[
            (
                period,
                _shown(figure, value, currency),
                f"{HERE}/{name}/rows?{urlencode({**kept, 'period': period})}",
            )
            for period, value in values
        ],
    )


def rows_page(desk: Desk, name: str) -> http.Answer:
    """Lists the orders, or the movements, that a figure of one period is the sum of."""
    figure = FIGURES.get(name)
    if figure is None or figure.rows is None:
        raise NotFound()
    typed = figure_form.typed(desk)
    query = typed_as(RowsQuery, typed)
    found = read.rows_behind(
        desk.ports,
        desk.session.merchant,
        figure.rows,
        query.period,
        wanted=filter_of(desk.session.merchant, None, query.product, query.country),
        limit=PAGE_LENGTH,
        cursor=query.cursor,
    )
    kept = {key: value for key, value in typed.items() if key != "cursor"}
    here = f"{HERE}/{name}/rows"
    return page(
        desk,
        "console/figure_rows.html",
        name=name,
        period=query.period,
        orders=found.orders,
        movements=[(each, Money(each.minor, each.currency)) for each in found.movements],
        next_url=found.next and f"{here}?{urlencode({**kept, 'cursor': found.next})}",
        first_url=f"{here}?{urlencode(kept)}" if "cursor" in typed else None,
        up_url=f"{HERE}/{name}?{urlencode(figure_form.part(typed))}",
    )


def figures_file(desk: Desk) -> http.Answer:
    """Answers with the figures as CSV; raises `Invalid` for a span that is none."""
    view, wrong = _view(desk)
    if wrong:
        raise wrong
    text = "".join(csv_figures.written(view.found, Currency(view.wanted.currency)))
    name = f"figures-{view.typed['from']}-{view.typed['to']}.csv"
    return http.file(text, name, CSV)


def count_again(desk: Desk) -> http.Answer:
    """Starts the rebuild of the figures, unless it is under way."""
    rebuild.begin(desk.ports, desk.merchant, now=desk.now)
    return http.redirect(f"{HERE}?done=rebuild")


def _view(desk: Desk) -> tuple[View, Invalid | None]:
    """Returns the figures of the span that was typed, or of the last twelve months beside an
    error."""
    typed = {name: value for name, value in figure_form.typed(desk).items() if name != "done"}
    usual = figure_form.usual_span(desk)
    try:
        return _read(desk, {**usual, **typed}), None
    except Invalid as wrong:
        return _read(desk, usual), wrong


def _read(desk: Desk, typed: dict[str, str]) -> View:
    query = typed_as(FiguresQuery, typed)
    wanted = filter_of(desk.session.merchant, None, query.product, query.country)
    if query.to < query.from_:
        raise Invalid("span_reversed", field="to")
    length = len(months_between(query.from_, query.to))
    first = figure_form.months_before(query.from_, length)
    found = read.figures(desk.ports, desk.session.merchant, wanted, first, query.to, Length.MONTH)
    return View(typed, wanted, found[:-length], found[-length:])


def _around(desk: Desk, view: View, wrong: Invalid | None) -> dict[str, Any]:
    merchant = desk.session.merchant
    job = desk.ports.store.job(merchant.id, rebuild.JOB)
    return {
        "periods": view.found,
        "currency": view.wanted.currency,
        "money_of": lambda minor: Money(minor, Currency(view.wanted.currency)),
        "products": figure_form.products(desk, view.typed),
        "typed": view.typed,
        "wrong": wrong,
        "is_counted": job is not None or not _sold_before(desk),
        "is_counting": job is not None and job.is_live,
        "query": urlencode(view.typed),
    }


def _sold_before(desk: Desk) -> bool:
    """Tests whether anything was sold before the merchant's figures were kept."""
    merchant = desk.session.merchant
    (book,) = desk.ports.store.figure_books([merchant.id])
    until = desk.now if book is None else max(book.since, merchant.created_at)
    page = desk.ports.store.orders(
        merchant.id,
        since=merchant.created_at,
        until=until,
        limit=1,
        lists=merchant.order_lists,
    )
    return bool(page.data)
