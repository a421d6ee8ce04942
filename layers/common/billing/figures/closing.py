"""Days that were compared and told to a merchant's programs, and those to be told again (M-10).

A day is told once it has rested and was compared with its orders and movements. Something late may
still change it: a refund that a bank sent back, a dispute that is won, an end that was found late.
Then it is told again, with the next revision. A later day whose start moves by that is not: nothing
happened on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from hashlib import blake2s

from billing.figures import periods, sums
from billing.figures.periods import Filter, PeriodFigures
from billing.figures.sums import MONTH_LENGTH, FigureSums
from billing.kernel.values import Value, replace
from billing.kernel.writes import Entity

DIGEST_BYTES = 8
A_DAY = timedelta(days=1)

LOOKS_BACK = timedelta(days=400)
"""The age up to which a change of a closed day is noticed: more than a dispute takes."""


class ClosedDay(Value):
    """A local day that was told: how often, and a digest of the sums that it had then."""

    day: str
    revision: int
    digest: str


class ClosedDays(Entity):
    """The days of one month that were told, oldest first; test figures apart."""

    merchant: str
    month: str
    test: bool
    days: tuple[ClosedDay, ...]

    def telling(self, told: ClosedDay) -> ClosedDays:
        """Returns it with a day as it was told last."""
        others = (each for each in self.days if each.day != told.day)
        return replace(self, days=tuple(sorted((*others, told), key=lambda each: each.day)))


class DayFigures(Value):
    """The figures of a closed day in each currency that it has any in.

    `revision` is 1 the first time, and one more each time that something late changed the day.
    """

    day: str
    revision: int
    test: bool
    zone: str
    figures: tuple[tuple[str, PeriodFigures], ...]


def first_looked_at(last: str) -> str:
    """Returns the first day of the oldest month whose closed days are looked at."""
    return (date.fromisoformat(last) - LOOKS_BACK).replace(day=1).isoformat()


def to_tell(closed: Iterable[ClosedDay], rows: Sequence[FigureSums], last: str) -> list[ClosedDay]:
    """Returns the days that are to be told now, as they are once they are told, oldest first.

    Those are the days up to `last` that follow the first one that was told and were not, and those
    that changed since they were. The first day of all is `last`.
    """
    known = {each.day: each for each in closed}
    by_day: dict[str, list[FigureSums]] = {}
    for row in rows:
        by_day.setdefault(row.span, []).append(row)
    day, found = date.fromisoformat(min(known, default=last)), []
    while (span := day.isoformat()) <= last:
        was, digest = known.get(span), digest_of(by_day.get(span, ()))
        if was is None:
            found.append(ClosedDay(span, 1, digest))
        elif was.digest != digest:
            found.append(ClosedDay(span, was.revision + 1, digest))
        day += A_DAY
    return found


def digest_of(rows: Iterable[FigureSums]) -> str:
    """Returns a digest of a day's sums, the same however many shards they are kept in."""
    by_currency: dict[str, list[FigureSums]] = {}
    for row in rows:
        by_currency.setdefault(row.currency.value, []).append(row)
    amounts = [
        (currency, name, amount)
        for currency, some in sorted(by_currency.items())
        for name, amount in sums.total(some).items()
        if amount
    ]
    return blake2s(repr(amounts).encode(), digest_size=DIGEST_BYTES).hexdigest()


def figures_of(
    day: str, months: Iterable[FigureSums], days: Iterable[FigureSums], *, test: bool
) -> tuple[tuple[str, PeriodFigures], ...]:
    """Returns a day's figures by currency, of the months before it and the days of its own.

    A currency without any figure on that day is left out.
    """
    month = day[:MONTH_LENGTH]
    before = [row for row in months if row.span < month]
    within = [row for row in days if month <= row.span <= day]
    first = date.fromisoformat(f"{month}-01")
    names = periods.days_between(first, date.fromisoformat(day))
    found = []
    for currency in sorted({row.currency.value for row in (*before, *within)}):
        wanted = Filter(currency, test=test)
        figures = periods.computed(wanted, names, before, within, within)[-1]
        if _has_any(figures):
            found.append((currency, figures))
    return tuple(found)


def _has_any(figures: PeriodFigures) -> bool:
    stands = figures.start, figures.end, figures.trial, figures.pending
    by_name = figures.movements, figures.customers or {}, figures.sums
    return any(stands) or any(any(each.values()) for each in by_name)
