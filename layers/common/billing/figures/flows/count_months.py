"""Counts the totals of months from the sums of their days, and notes what comes late (M-10)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime

from billing.catalog.flows import product_lists
from billing.figures import month_totals
from billing.figures.cohorts import Series
from billing.figures.month_totals import CountedMonth, MonthTotals
from billing.figures.periods import months_between
from billing.figures.sums import FigureBook, FigureSums
from billing.kernel.errors import Conflict
from billing.kernel.flows.walks import KeepGoing
from billing.kernel.merchants import Merchant
from billing.kernel.periods import Anchor
from billing.kernel.ports import Ports
from billing.kernel.walks import Seen
from billing.kernel.writes import Change, Insert, Write

ATTEMPTS = 5
AT_ONCE = 25
A_NIGHT_MOST = 4
"""The most months of a merchant that are counted in one night; the others follow in the next."""

SUMS = ""
"""The series of the sums that are in no series."""


def late_writes(
    ports: Ports, book: FigureBook, days: Iterable[tuple[str, bool]], now: datetime
) -> list[Write]:
    """Returns the writes that note late days, of live or test figures, on their months."""
    late = {
        (month_totals.month_in(day), test)
        for day, test in days
        if month_totals.is_late(book, day, now)
    }
    return outdating(ports, book.merchant, sorted(late)) if late else []


def outdating(ports: Ports, merchant: str, months: Sequence[tuple[str, bool]]) -> list[Write]:
    """Returns the writes after which months are read by their days, until they are counted."""
    new = [CountedMonth(merchant, month, test, "", 0) for month, test in months]
    return [
        Insert(each) if was is None else Change(was, was.changed(""))
        for each, was in zip(new, ports.store.counted(new), strict=True)
    ]


def note_late(
    ports: Ports, book: FigureBook, days: Sequence[tuple[str, bool]], now: datetime
) -> None:
    """Notes late days once their sums are written; raises `Conflict` where others do all the
    time."""
    for _ in range(ATTEMPTS):
        writes = late_writes(ports, book, days, now)
        try:
            if writes:
                ports.store.commit(*writes)
        except Conflict:
            continue
        return
    raise Conflict()


def count_some(
    ports: Ports, merchant: Merchant, book: FigureBook, now: datetime, keep_going: KeepGoing
) -> Seen:
    """Counts some months that are not counted, and one again; `MORE` where the time did not do.

    A month that changes meanwhile is left for the next night. No two may count at the same time:
    the one that began first could write last.
    """
    newest = month_totals.newest_counted(book, now)
    at = merchant.created_at
    first = Anchor.at(at, book.zone_at(at)).wall.date().isoformat()
    months = months_between(*map(month_totals.month_in, (first, newest)))
    if not months:
        return Seen.SKIPPED
    new: list[tuple[str, str, bool]] = []
    again: list[tuple[str, str, bool]] = []
    for test in (False, True):
        found = ports.store.counted_months(merchant.id, months[0], months[-1], test=test)
        known = {each.month: each.through for each in found}
        for month, through in month_totals.to_count(known, months, newest, A_NIGHT_MOST):
            is_known = known.get(month) == through
            (again if is_known else new).append((month, through, test))
    products = list(product_lists.ids(ports, merchant))
    for place, (month, through, test) in enumerate([*new, *again]):
        if place and not keep_going():
            # What is only counted again can wait for another night.
            return Seen.MORE if place < len(new) else Seen.FINISHED
        with suppress(Conflict):
            count(ports, merchant.id, products, month, through, test=test)
    return Seen.FINISHED


def count(
    ports: Ports, merchant: str, products: Sequence[str], month: str, through: str, *, test: bool
) -> None:
    """Counts the totals of a month up to a day; raises `Conflict` if something late comes
    meanwhile."""
    new = CountedMonth(merchant, month, test, through, 1)
    (was,) = ports.store.counted([new])
    days = f"{month}-01", through
    _store(ports, _totals(new, _read(ports, new, products, days, SUMS), SUMS))
    for series in Series if new.is_whole else ():
        rows = _read(ports, new, products, (month, month), series.value)
        _store(ports, _totals(new, rows, series.value))
    ports.store.commit(Insert(new) if was is None else Change(was, was.changed(through)))


def _read(
    ports: Ports, of: CountedMonth, products: Sequence[str], spans: tuple[str, str], series: str
) -> list[FigureSums]:
    """Reads the rows of all and of each product, which are written with those of all."""
    found = ports.store.figure_spans(of.merchant, *spans, test=of.test, series=series)
    if not found:
        return []
    for product in products:
        found += ports.store.figure_spans(
            of.merchant, *spans, product=product, test=of.test, series=series
        )
    return found


def _totals(of: CountedMonth, rows: Sequence[FigureSums], series: str) -> list[MonthTotals]:
    return [
        MonthTotals(
            *(of.merchant, of.month, of.test, scope.product, scope.country, series),
            *(of.through, month_totals.text_of(mine)),
        )
        for scope, mine in month_totals.scopes_of(rows).items()
    ]


def _store(ports: Ports, totals: Sequence[MonthTotals]) -> None:
    """Writes the totals that differ from what is stored, each by itself; raises `Conflict`."""
    for start in range(0, len(totals), AT_ONCE):
        some = totals[start : start + AT_ONCE]
        for each, was in zip(some, ports.store.same_totals(some), strict=True):
            if was is None:
                ports.store.commit(Insert(each))
            elif was.sums != each.sums:
                ports.store.commit(Change(was, each))
