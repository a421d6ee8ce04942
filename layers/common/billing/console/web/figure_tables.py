"""Tables of a page of figures: the same cells on the page, in its chart's place and in its file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal

from billing.figures.csv_figures import amount
from billing.figures.periods import Filter
from billing.kernel.csv_lines import line
from billing.kernel.money import Currency, Money
from billing.kernel.values import Value
from billing.render import formats
from billing.render.messages import MERCHANTS_LANGUAGE, text

NOTHING = "–"
PERCENT = 100


class Cell(Value):
    """A cell: its text on the page, its text in the file, and where its rows are."""

    shown: str
    raw: str
    url: str | None = None


class Table(Value):
    """A table with its title and a heading for each column; the first column names the row."""

    name: str
    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


class Tile(Value):
    """A number of the span, beside that of the period before."""

    title: str
    now: str
    before: str


class Around(Value):
    """The span that is shown, the one before it, the month of today, and today.

    `kept` is the part of the sales as the addresses of rows have it.
    """

    typed: Mapping[str, str]
    kept: str
    wanted: Filter
    currency: Currency
    before: Sequence[str]
    months: Sequence[str]
    last: str
    today: date


def words(key: str, **values: object) -> str:
    """Returns one of the texts of figures."""
    return text(MERCHANTS_LANGUAGE, f"console.figures.{key}", **values)


def named(shown: str, raw: str | None = None) -> Cell:
    return Cell(shown, shown if raw is None else raw)


def month(name: str) -> Cell:
    """Returns the name of a row by its month, `YYYY-MM`."""
    return Cell(formats.short_period(name, MERCHANTS_LANGUAGE), name)


def count(number: int, url: str | None = None) -> Cell:
    return Cell(str(number), str(number), url if number else None)


def money(minor: int, currency: Currency) -> Cell:
    shown = formats.money(Money(minor, currency), MERCHANTS_LANGUAGE)
    return Cell(shown, amount(minor, currency))


def share(found: Decimal | None, url: str | None = None) -> Cell:
    """Returns a share in percent; in the file it is the share itself."""
    if found is None:
        return Cell(NOTHING, "")
    return Cell(percent(found), f"{found:f}", url)


def percent(found: Decimal | None) -> str:
    return NOTHING if found is None else f"{found * PERCENT:.1f} %"


def bars(found: Iterable[tuple[str, Decimal | None]]) -> list[tuple[str, int]]:
    """Returns the bars of shares, in hundredths of a percent."""
    return [(label, int((value or 0) * PERCENT * PERCENT)) for label, value in found]


def written(tables: Sequence[Table]) -> Iterator[str]:
    """Yields tables as CSV, one below the other, with an empty line between them."""
    for number, table in enumerate(tables):
        if number:
            yield "\n"
        yield line(table.head)
        for row in table.rows:
            yield line(cell.raw for cell in row)
