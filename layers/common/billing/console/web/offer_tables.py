"""The tables of save offers, on the page of cancellation reasons (X-11, M-10)."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from billing.console.web import figure_tables as t
from billing.console.web.figure_form import HERE, part
from billing.console.web.figure_tables import Around, Cell, Table, words
from billing.figures import offer_tables as figures
from billing.figures.offer_tables import Offers
from billing.figures.sums import FigureSums
from billing.render.messages import MERCHANTS_LANGUAGE, text

_COLUMNS = ("shown", "taken", "share", "lost", "kept")


def tables(rows: Sequence[FigureSums], around: Around) -> tuple[Table, Table]:
    """Returns the save offers by kind, and by month."""
    kinds = figures.by_kind(rows, around.months, around.today)
    months = figures.by_month(rows, around.months, around.today)
    first = around.months[0] if around.months else around.last
    heads = tuple(words(f"offers.{each}") for each in _COLUMNS)
    total = _row(t.named(words("cases.total")), figures.all_offers(months), None)
    by_month = (
        _row(t.month(each.name), each, _rows_url(around, each.name, cohort=each.name))
        for each in reversed(months)
    )
    return (
        Table(
            "offers",
            words("offers.title"),
            (words("offers.kind"), *heads),
            tuple(
                _row(_kind(each), each, _rows_url(around, first, label=each.name)) for each in kinds
            ),
            note=words("offers.text"),
        ),
        Table(
            "offer-months",
            words("offers.by_month"),
            (words("offers.month"), *heads),
            (*by_month, total),
        ),
    )


def _rows_url(around: Around, first: str, **which: str) -> str:
    asked = {**part(around.typed), "from": first, "to": around.last, **which}
    return f"{HERE}/offers/rows?{urlencode(asked)}"


def _kind(each: Offers) -> Cell:
    return t.named(text(MERCHANTS_LANGUAGE, f"console.offers.{each.name}"), each.name)


def _row(named: Cell, each: Offers, url: str | None) -> tuple[Cell, ...]:
    return (
        named,
        t.count(each.shown, url),
        t.count(each.taken, url),
        t.share(each.share),
        t.count(each.lost, url),
        t.share(each.kept),
    )
