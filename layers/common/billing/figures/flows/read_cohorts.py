"""Reads what follows customers and cases from the month in which they began (M-10)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from billing.figures import cohort_tables
from billing.figures.cohorts import SERIES_OF, Series
from billing.figures.flows import read, read_months
from billing.figures.flows.read import Rows
from billing.figures.movements import Movement
from billing.figures.periods import MONTHS_MOST, Filter, months_between
from billing.figures.sums import FigureSums
from billing.kernel.errors import Invalid
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.values import Value

LOOKED_AT_MOST = 2_000
"""The movements that are looked through for a page of rows; a page may be short."""

AT_ONCE = 500


class CaseFilter(Filter):
    """The part of a series whose rows are listed: the month of its beginning, and the beginning
    of its labels; empty texts are all."""

    cohort: str = ""
    label: str = ""

    def has(self, each: Movement) -> bool:
        """Tests whether a movement is of it."""
        cohort = each.cohort
        return (
            cohort is not None
            and cohort.currency.value == self.currency
            and self.cohort in {"", cohort.month}
            and self.product in {"", cohort.product}
            and self.country in {"", cohort.country}
            and (not self.label or f"{each.label}:".startswith(f"{self.label}:"))
        )


def sums(
    ports: Ports, merchant: Merchant, wanted: Filter, series: Series, first: str, last: str
) -> list[FigureSums]:
    """Returns the rows of a series from one month to another, both included.

    Raises `Invalid` for a span that is too long, or ends before it begins.
    """
    if last < first:
        raise Invalid("span_reversed", field="to")
    if len(months_between(first, last)) > MONTHS_MOST:
        raise Invalid("span_too_long", field="to", most=MONTHS_MOST)
    found = read_months.of_series(ports, merchant, wanted, series.value, first, last)
    return list(filter(wanted.taker(), found))


class Since(Value):
    """The rows of a series since the first of some months; months to come are left out."""

    rows: list[FigureSums]
    months: list[str]
    last: str


def since(
    ports: Ports,
    merchant: Merchant,
    wanted: Filter,
    series: Series,
    months: tuple[str, str],
    today: str,
) -> Since:
    """Returns what became of the beginnings of months, up to the month `today`.

    Raises `Invalid` for a span that is too long, or ends before it begins.
    """
    first, last = months
    if last < first:
        raise Invalid("span_reversed", field="to")
    if first > today:
        return Since([], [], today)
    rows = sums(ports, merchant, wanted, series, first, today)
    return Since(rows, months_between(first, min(last, today)), today)


def recovered(
    ports: Ports, merchant: Merchant, wanted: Filter, months: Sequence[str], today: str
) -> dict[str, int]:
    """Returns how many of the payments that failed first in each month were paid since: within a
    year, which is more than any retries take. A month whose failures were not all followed, as
    those before there were cases, is left out."""
    (book,) = ports.store.figure_books([merchant.id])
    if book is None:
        return {}
    began = merchant.created_at
    known = [each for each in months if each <= today and book.follows_all_of(each, began)]
    if not known:
        return {}
    last = min(today, f"{int(known[-1][:4]) + 1}{known[-1][4:]}")
    rows = read_months.of_series(ports, merchant, wanted, Series.RECOVERY, known[0], last)
    mine = list(filter(wanted.taker(), rows))
    return {each.name: each.paid for each in cohort_tables.recovery(mine, known)}


def rows_behind(
    ports: Ports,
    merchant: Merchant,
    series: Series,
    days: tuple[date, date],
    wanted: CaseFilter,
    *,
    limit: int,
    cursor: str | None,
) -> Rows:
    """Returns a page of the movements that a series counts, in days, oldest first.

    A page may be short, and even empty, where few of many are of what is asked for.
    """
    after = None if cursor is None else read.behind(merchant.id, cursor, wanted)
    found: list[Movement] = []
    for _ in range(LOOKED_AT_MOST // AT_ONCE):
        page = ports.store.movements(
            merchant.id, *days, limit=AT_ONCE, after=after, test=wanted.test
        )
        for each in page:
            after = each
            if SERIES_OF.get(each.kind) is series and wanted.has(each):
                found.append(each)
                if len(found) == limit:
                    return Rows(movements=tuple(found), next=read.cursor_of(each))
        if len(page) < AT_ONCE:
            return Rows(movements=tuple(found))
    assert after is not None, "it has looked at some"
    return Rows(movements=tuple(found), next=read.cursor_of(after))
