"""Pages of cohorts, trials, recovery and cancellation reasons: tiles, chart, tables, rows, file
(M-10)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from pydantic import Field, StringConstraints

from billing.console.web import figure_form, figure_tables
from billing.console.web.cohort_tables import BUILDERS, Shown
from billing.console.web.figure_form import HERE, LABEL, FiguresQuery
from billing.console.web.figure_tables import Around, words
from billing.console.web.pages import PAGE_LENGTH, Desk, page
from billing.figures import chart
from billing.figures.cohorts import Series
from billing.figures.flows import read_cohorts
from billing.figures.flows.read_cohorts import CaseFilter
from billing.figures.flows.recount import days_of
from billing.figures.periods import MONTHS_MOST, months_between
from billing.figures.sums import month_of
from billing.figures.web.shapes import ID_MOST, MONTH, filter_of
from billing.kernel.errors import Invalid
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Anchor
from billing.render import formats
from billing.render.messages import MERCHANTS_LANGUAGE
from billing.web import http
from billing.web.inputs import Country, Cursor, Input
from billing.web.inputs import read as typed_as
from billing.web.inputs import words as text_of

CSV = "text/csv; charset=utf-8"
A_DAY = timedelta(days=1)

PAGES: Mapping[str, tuple[Series, ...]] = {
    "cohorts": (Series.RETENTION,),
    "trials": (Series.TRIALS,),
    "recovery": (Series.RECOVERY,),
    "reasons": (Series.REASONS, Series.OFFERS),
}
"""The series of each page."""

ROWS: Mapping[str, tuple[Series, str]] = {
    **{name: (series[0], name) for name, series in PAGES.items()},
    "offers": (Series.OFFERS, "reasons"),
}
"""The series of each list of rows, and the page that leads to it."""

Month = Annotated[str, StringConstraints(pattern=MONTH)]


class RowsQuery(Input):
    """The months whose movements are listed, both included, and the part that is meant."""

    from_: Annotated[Month, Field(alias="from")]
    to: Month
    cohort: Month | None = None
    label: Annotated[str, StringConstraints(pattern=LABEL)] | None = None
    product: Annotated[str, text_of(ID_MOST)] | None = None
    country: Country | None = None
    cursor: Cursor | None = None


def series_page(desk: Desk, name: str) -> http.Answer:
    """Shows what follows the beginnings of a span of months, beside the span before it."""
    around, wrong = _asked(desk)
    shown = _shown(desk, name, around)
    return page(
        desk,
        "console/figure_series.html",
        status=422 if wrong else 200,
        products=figure_form.products(desk, around.typed),
        name=name,
        shown=shown,
        chart=chart.of(shown.bars),
        typed=around.typed,
        wrong=wrong,
        query=urlencode(around.typed),
        since=_since(desk),
    )


def series_file(desk: Desk, name: str) -> http.Answer:
    """Answers with the tables of a page as CSV; raises `Invalid` for a span that is none."""
    around, wrong = _asked(desk)
    if wrong:
        raise wrong
    text = "".join(figure_tables.written(_shown(desk, name, around).tables))
    return http.file(text, f"{name}-{around.typed['from']}-{around.typed['to']}.csv", CSV)


def rows_page(desk: Desk, name: str) -> http.Answer:
    """Lists the movements that a number of a page counts."""
    typed = figure_form.typed(desk)
    query = typed_as(RowsQuery, typed)
    if query.to < query.from_:
        raise Invalid("span_reversed", field="to")
    part = filter_of(desk.session.merchant, None, query.product, query.country)
    series, page_name = ROWS[name]
    found = read_cohorts.rows_behind(
        *(desk.ports, desk.session.merchant, series),
        (days_of(query.from_)[0], days_of(query.to)[1]),
        CaseFilter(
            *(part.currency, part.product, part.country, part.test),
            cohort=query.cohort or "",
            label=query.label or "",
        ),
        limit=PAGE_LENGTH,
        cursor=query.cursor,
    )
    kept = {key: value for key, value in typed.items() if key != "cursor"}
    here = f"{HERE}/{name}/rows"
    months = query.from_ if query.from_ == query.to else f"{query.from_} – {query.to}"
    return page(
        desk,
        "console/figure_series_rows.html",
        name=name,
        title=words("cases.rows_of", name=words(f"{name}.title"), month=query.cohort or months),
        movements=[(each, Money(each.minor, each.currency)) for each in found.movements],
        next_url=found.next and f"{here}?{urlencode({**kept, 'cursor': found.next})}",
        first_url=f"{here}?{urlencode(kept)}" if "cursor" in typed else None,
        up_url=f"{HERE}/{page_name}?{urlencode(figure_form.part(typed))}",
    )


def _asked(desk: Desk) -> tuple[Around, Invalid | None]:
    """Returns the span that was typed, or that of the last twelve months beside an error."""
    usual = figure_form.usual_span(desk)
    try:
        return _around(desk, {**usual, **figure_form.typed(desk)}), None
    except Invalid as wrong:
        return _around(desk, usual), wrong


def _around(desk: Desk, typed: dict[str, str]) -> Around:
    query = typed_as(FiguresQuery, typed)
    if query.to < query.from_:
        raise Invalid("span_reversed", field="to")
    wanted = filter_of(desk.session.merchant, None, query.product, query.country)
    months = months_between(query.from_, query.to)
    first = figure_form.months_before(query.from_, len(months))
    zone = desk.session.merchant.settings.time_zone
    day = Anchor.at(desk.now, zone).wall.date()
    today = month_of(day)
    last = max(today, query.to)
    if len(months_between(first, last)) > MONTHS_MOST:
        raise Invalid("span_too_long", field="to", most=MONTHS_MOST)
    return Around(
        typed=typed,
        kept=figure_form.kept(typed),
        wanted=wanted,
        currency=Currency(wanted.currency),
        before=months_between(first, query.from_)[:-1],
        months=[month for month in months if month <= today],
        last=today,
        today=day,
    )


def _shown(desk: Desk, name: str, around: Around) -> Shown:
    build: Callable[..., Shown] = BUILDERS[name]
    first = around.before[0] if around.before else around.last
    span = min(first, around.last), around.last
    rows = [
        row
        for series in PAGES[name]
        for row in read_cohorts.sums(
            *(desk.ports, desk.session.merchant, around.wanted, series), *span
        )
    ]
    return build(rows, around)


def _since(desk: Desk) -> str | None:
    """Returns the day since which cases are followed, if the merchant sold before it."""
    merchant = desk.session.merchant
    (book,) = desk.ports.store.figure_books([merchant.id])
    since: Any = None if book is None else book.cases_since
    if since is None or since <= merchant.created_at + A_DAY:
        return None
    return formats.day(since, merchant.settings.time_zone, MERCHANTS_LANGUAGE)
