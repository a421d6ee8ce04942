"""Tables of cohorts, trials, failed payments and cancellations, computed from rows of sums (M-10).

A share is None where there is nothing to have a share of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from operator import attrgetter
from typing import TypeVar

from billing.figures.movement_kinds import RETAINED, MovementKind
from billing.figures.periods import months_between, ratio
from billing.figures.sums import FigureSums
from billing.kernel.values import Value

K = TypeVar("K")

_OF_RECOVERY = (
    MovementKind.FAILURE_BEGUN,
    MovementKind.FAILURE_PAID,
    MovementKind.FAILURE_CANCELLED,
    MovementKind.FAILURE_LOST,
)
"""The kinds that a `Recovery` counts, in the order of its fields."""

_of_revenue = attrgetter(*(kind.value for kind in RETAINED))


class Retention(Value):
    """One cohort: its customers and monthly revenue at their first payments, and what is live at
    the end of that month and of each month after it, as far as there are."""

    month: str
    customers: int
    minor: int
    live: tuple[int, ...]
    live_minor: tuple[int, ...]

    def share(self, after: int, *, of_revenue: bool) -> Decimal | None:
        """Returns the share that is live so many months later; None for months to come."""
        live = self.live_minor if of_revenue else self.live
        base = self.minor if of_revenue else self.customers
        return ratio(live[after], base) if after < len(live) else None


def retention(
    rows: Iterable[FigureSums], months: Sequence[str], last: str
) -> tuple[Retention, ...]:
    """Returns the cohorts of months, oldest first, as they were until the month `last`."""
    came: Counter[str] = Counter()
    began: Counter[str] = Counter()
    people: Counter[tuple[str, str]] = Counter()
    minor: Counter[tuple[str, str]] = Counter()
    for row in rows:
        people[row.cohort, row.span] += row.customers
        minor[row.cohort, row.span] += sum(_of_revenue(row))
        if row.cohort == row.span:
            came[row.cohort] += row.customers_new + row.customers_imported
            began[row.cohort] += row.new + row.imported
    return tuple(
        Retention(
            month,
            came[month],
            began[month],
            _adding_up(people[month, each] for each in months_between(month, last)),
            _adding_up(minor[month, each] for each in months_between(month, last)),
        )
        for month in months
    )


def _adding_up(changes: Iterable[int]) -> tuple[int, ...]:
    found, total = [], 0
    for change in changes:
        total += change
        found.append(total)
    return tuple(found)


def kept(cohorts: Sequence[Retention], after: int, *, of_revenue: bool) -> Decimal | None:
    """Returns the share of several cohorts together that is live so many months later, of those
    for which that month is over."""
    old = [each for each in cohorts if after < len(each.live)]
    if of_revenue:
        return ratio(sum(e.live_minor[after] for e in old), sum(e.minor for e in old))
    return ratio(sum(each.live[after] for each in old), sum(each.customers for each in old))


class Trials(Value):
    """The trials that began in a month; `running` have not ended yet."""

    month: str
    begun: int = 0
    ended: int = 0
    paid: int = 0

    @property
    def running(self) -> int:
        return self.begun - self.ended

    @property
    def conversion(self) -> Decimal | None:
        """The share of those that ended whose first standard payment succeeded."""
        return ratio(self.paid, self.ended)


def trials(rows: Iterable[FigureSums], months: Sequence[str]) -> tuple[Trials, ...]:
    """Returns the trials of months by their start."""
    count, _ = _counted(rows, lambda row: (row.cohort, _kind(row)))
    return tuple(
        Trials(
            month,
            begun=count[month, MovementKind.TRIAL_BEGUN],
            ended=count[month, MovementKind.TRIAL_ENDED],
            paid=count[month, MovementKind.TRIAL_PAID],
        )
        for month in months
    )


def all_trials(found: Sequence[Trials]) -> Trials:
    """Returns the trials of several months together."""
    return Trials(
        "",
        begun=sum(each.begun for each in found),
        ended=sum(each.ended for each in found),
        paid=sum(each.paid for each in found),
    )


class Recovery(Value):
    """Failed payments that began together, by count and money: those of a month, or of a code.

    `open_count` may still be paid; all shares are final once there are none.
    """

    name: str
    begun: int = 0
    begun_minor: int = 0
    paid: int = 0
    paid_minor: int = 0
    cancelled: int = 0
    cancelled_minor: int = 0
    lost: int = 0
    lost_minor: int = 0

    @property
    def open_count(self) -> int:
        return self.begun - self.paid - self.cancelled - self.lost

    @property
    def share(self) -> Decimal | None:
        return ratio(self.paid, self.begun)

    @property
    def share_minor(self) -> Decimal | None:
        return ratio(self.paid_minor, self.begun_minor)


def recovery(rows: Sequence[FigureSums], months: Sequence[str]) -> tuple[Recovery, ...]:
    """Returns failed payments by the month of their first failure."""
    return _recoveries(rows, lambda row: row.cohort, months)


def recovery_by_code(rows: Sequence[FigureSums], months: Sequence[str]) -> tuple[Recovery, ...]:
    """Returns the failed payments of months by the code of their first decline, most first."""
    wanted = [row for row in rows if row.cohort in set(months)]
    codes = sorted({_rest(row)[0] for row in wanted})
    found = _recoveries(wanted, lambda row: _rest(row)[0], codes)
    return tuple(sorted(found, key=lambda each: (-each.begun, each.name)))


def paid_by_attempt(
    rows: Sequence[FigureSums], months: Sequence[str]
) -> tuple[tuple[int, int, int], ...]:
    """Returns attempts with the payments that succeeded on each, and their money."""
    wanted = [r for r in rows if r.cohort in set(months) and _kind(r) == MovementKind.FAILURE_PAID]
    count, minor = _counted(wanted, lambda row: int(_rest(row)[1]))
    return tuple((each, count[each], minor[each]) for each in sorted(count))


def _recoveries(
    rows: Iterable[FigureSums], by: Callable[[FigureSums], str], names: Sequence[str]
) -> tuple[Recovery, ...]:
    count, minor = _counted(rows, lambda row: (by(row), _kind(row)))
    return tuple(
        Recovery(
            name,
            *(each for kind in _OF_RECOVERY for each in (count[name, kind], minor[name, kind])),
        )
        for name in names
    )


def all_recovery(found: Sequence[Recovery]) -> Recovery:
    """Returns failed payments of several months together."""
    fields = Recovery.__struct_fields__[1:]
    return Recovery("", *(sum(getattr(each, name) for each in found) for name in fields))


class Reason(Value):
    """Cancellations with one reason, by one party: asked for, taken back, and ends with what they
    cost a month; `at_once` of the ends were not asked for before."""

    reason: str
    source: str
    asked: int = 0
    undone: int = 0
    ended: int = 0
    ended_minor: int = 0
    at_once: int = 0


def reasons(rows: Iterable[FigureSums], months: Sequence[str]) -> tuple[Reason, ...]:
    """Returns the cancellations of months by reason and party, most ends first."""
    wanted = [row for row in rows if row.span in set(months)]
    count, minor = _counted(wanted, lambda row: (*_party(row), _kind(row)))
    once, _ = _counted((row for row in wanted if _rest(row)[2:] == ["now"]), _party)
    found = (
        Reason(
            *(reason, source),
            asked=count[reason, source, MovementKind.CANCEL_ASKED],
            undone=count[reason, source, MovementKind.CANCEL_UNDONE],
            ended=count[reason, source, MovementKind.CANCELLED],
            ended_minor=minor[reason, source, MovementKind.CANCELLED],
            at_once=once[reason, source],
        )
        for reason, source in sorted({(reason, source) for reason, source, _ in count})
    )
    return tuple(sorted(found, key=lambda each: (-each.ended, -each.asked, each.reason)))


def ends_by_month(
    rows: Iterable[FigureSums], months: Sequence[str]
) -> tuple[tuple[str, int, int], ...]:
    """Returns months with the subscriptions that were cancelled, and what they cost a month."""
    ends = [row for row in rows if _kind(row) == MovementKind.CANCELLED]
    count, minor = _counted(ends, lambda row: row.span)
    return tuple((month, count[month], minor[month]) for month in months)


def _counted(
    rows: Iterable[FigureSums], by: Callable[[FigureSums], K]
) -> tuple[Counter[K], Counter[K]]:
    count: Counter[K] = Counter()
    minor: Counter[K] = Counter()
    for row in rows:
        count[by(row)] += row.cases
        minor[by(row)] += row.cases_minor
    return count, minor


def _kind(row: FigureSums) -> str:
    return row.label.partition(":")[0]


def _party(row: FigureSums) -> tuple[str, str]:
    reason, source, *_ = _rest(row)
    return reason, source


def _rest(row: FigureSums) -> list[str]:
    return row.label.split(":")[1:]
