"""Tells a merchant's programs of each day whose figures are closed, once (M-10).

Only merchants whose event log has a reader are told: for others nothing is read or written. That a
day was told is in the transaction that logs the event.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from billing.figures import closing
from billing.figures.closing import ClosedDay, ClosedDays, DayFigures
from billing.figures.comparison import FiguresDiffer
from billing.figures.periods import FIRST_MONTH
from billing.figures.sums import MONTH_LENGTH, FigureBook
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.writes import Change, Insert, Write

DAYS_MOST = 14
"""The most days of a merchant that are told in one night; the others follow in the next."""

Log = Callable[[Ports, Merchant, DayFigures, datetime], tuple[Write, ...]]
"""Returns the writes that log the event of a closed day."""


def close(
    ports: Ports,
    merchant: Merchant,
    book: FigureBook,
    last: str,
    *,
    log: Log,
    now: datetime,
    wrong_rows: Callable[[str], int | None],
) -> int | None:
    """Tells the days up to `last` that were not, and those that changed; returns how many, None
    where time is over first.

    `last` was compared just now, and the others are here, by `wrong_rows`: how many rows of a day
    are wrong, None where time is over. Raises `FiguresDiffer` if one of them is wrong, once the
    others are told.
    """
    if merchant.events_since is None:
        return 0
    test, since = not merchant.is_live, closing.first_looked_at(last)
    months = ports.store.closed_days(
        merchant.id, since[:MONTH_LENGTH], last[:MONTH_LENGTH], test=test
    )
    rows = ports.store.figure_spans(merchant.id, since, last, test=test)
    known = {each.month: each for each in months}
    wanted = closing.to_tell([day for each in months for day in each.days], rows, last)
    if not wanted:
        return 0
    some = wanted
    if len(wanted) > DAYS_MOST:
        some = [*wanted[: DAYS_MOST - 1], wanted[-1]]  # however many before the last are wrong
    before = ports.store.figure_spans(merchant.id, FIRST_MONTH, last[:MONTH_LENGTH], test=test)
    wrong = 0
    for told in some:
        if told.day != last:
            of_day = wrong_rows(told.day)
            if of_day is None:
                return None
            if of_day:
                wrong += 1
                continue
        figures = closing.figures_of(told.day, before, rows, test=test)
        shown = DayFigures(told.day, told.revision, test, book.zones[-1].zone, figures)
        month = told.day[:MONTH_LENGTH]
        write, known[month] = _telling(merchant, known.get(month), told, test)
        ports.store.commit(write, *log(ports, merchant, shown, now))
    if wrong:
        raise FiguresDiffer
    return len(some)


def _telling(
    merchant: Merchant, was: ClosedDays | None, told: ClosedDay, test: bool
) -> tuple[Write, ClosedDays]:
    """Returns the write that notes a day as told, refused where another process was first."""
    if was is None:
        after = ClosedDays(merchant.id, told.day[:MONTH_LENGTH], test, (told,))
        return Insert(after), after
    after = was.telling(told)
    return Change(was, after, expecting=("days",)), after
