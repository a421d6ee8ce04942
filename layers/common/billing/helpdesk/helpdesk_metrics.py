"""Figures of each department's answer and resolution times, from its tickets alone.

First answer: from the request to the first word of an agent. Resolution: from the request to its
decision. Both are medians, which one ticket that waited over the holidays does not move.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from statistics import median

from billing.helpdesk.tickets import Ticket
from billing.kernel.departments import Department
from billing.kernel.values import Value

AGES = (timedelta(days=1), timedelta(days=3), timedelta(days=7))
"""Age limits by which open tickets are counted: younger than each, and older than all."""


class Figures(Value):
    """The figures of one department; spans are None where nothing was answered or decided.
    `open_by_age` counts up to each of `AGES`, and then the rest."""

    department: Department
    asked: int
    first_answer: timedelta | None
    resolution: timedelta | None
    open_by_age: tuple[int, ...]

    @property
    def open(self) -> int:
        return sum(self.open_by_age)


def figures(
    departments: Sequence[Department],
    asked: Iterable[Ticket],
    waiting: Iterable[Ticket],
    now: datetime,
) -> tuple[Figures, ...]:
    """Returns the figures of each department: `asked` are the tickets of the span looked at,
    `waiting` all that are open, however old."""
    by_department: dict[str, list[Ticket]] = {each.id: [] for each in departments}
    open_ones: dict[str, list[Ticket]] = {each.id: [] for each in departments}
    for ticket in asked:
        by_department.setdefault(ticket.department, []).append(ticket)
    for ticket in waiting:
        open_ones.setdefault(ticket.department, []).append(ticket)
    return tuple(
        Figures(
            department,
            len(by_department[department.id]),
            _median(
                t.first_answered_at - t.requested_at
                for t in by_department[department.id]
                if t.first_answered_at is not None
            ),
            _median(
                t.decided_at - t.requested_at
                for t in by_department[department.id]
                if t.decided_at is not None
            ),
            _by_age(open_ones[department.id], now),
        )
        for department in departments
    )


def _median(spans: Iterable[timedelta]) -> timedelta | None:
    seconds = [span.total_seconds() for span in spans]
    return timedelta(seconds=round(median(seconds))) if seconds else None


def _by_age(tickets: Iterable[Ticket], now: datetime) -> tuple[int, ...]:
    counts = [0] * (len(AGES) + 1)
    for ticket in tickets:
        age = now - ticket.requested_at
        counts[sum(age >= bound for bound in AGES)] += 1
    return tuple(counts)
