"""Moves the clock from one due instant to the next, and does there what a deployment would do.

A tick of a schedule is visited when something is due at it that this schedule has not seen yet,
or that it left over while it was making progress. So a month with nothing in it costs nothing,
and a row that does not move is seen once by each schedule rather than for ever.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from dev.clock import DevClock
from dev.due import DueRow
from dev.stack import Schedule
from dev.tally import Tally
from dev.worker import Worker

_INSTANT = timedelta(microseconds=1)
_SHORTEST_WAIT = timedelta(seconds=1)


class Waiting(Protocol):
    def earliest_first(self) -> Sequence[DueRow]:
        """Returns all rows that wait for a time."""


@dataclass
class Journey:
    worker: Worker
    clock: DevClock
    waiting: Waiting
    _ticks: int = 0
    _tally: Tally = field(default_factory=Tally)
    _seen: dict[str, set[DueRow]] = field(default_factory=lambda: defaultdict(set))

    def to(self, target: datetime) -> dict[str, Any]:
        """Moves the clock to `target`; call it with the worker's lock held and the clock held."""
        start = self.clock()
        self.worker.settle(self._tally)
        rows = self.waiting.earliest_first()
        while (stop := self._next_stop(rows)) is not None and stop <= target:
            if self.worker.stopping:
                raise InterruptedError(f"make run stops; the clock stays at {self.clock()}")
            self.clock.move_to(stop)
            rows = self._visit(rows, stop, [s for s in self._schedules if _has_tick(s, stop)])
        self.clock.move_to(target)
        self.worker.settle(self._tally)
        self._land(target)
        self.worker.save_fired(target)
        return {
            "from": instant_text(start),
            "now": instant_text(target),
            "ticks": self._ticks,
            "tally": self._tally.as_json(),
        }

    def _next_stop(self, rows: Sequence[DueRow]) -> datetime | None:
        now = self.clock()
        late = self._unseen(rows, now)
        future = next((row.at for row in rows if row.at > now), None)
        stops = []
        for schedule in self._schedules:
            if schedule in late:
                stops.append(schedule.ticks.after(now))
            elif future is not None:
                stops.append(schedule.ticks.after(future - _INSTANT))
        if (retry_at := self.worker.retry_at()) is not None:
            stops.append(max(retry_at, now + _SHORTEST_WAIT))
        return min(stops, default=None)

    @property
    def _schedules(self) -> Sequence[Schedule]:
        return self.worker.schedules

    def _land(self, target: datetime) -> None:
        """Makes the last tick at the target, so that a month's move has the month's charge.

        The tick after the last due instant may lie past the target.
        """
        rows = self.waiting.earliest_first()
        while late := self._unseen(rows, target):
            rows = self._visit(rows, target, late)

    def _unseen(self, rows: Sequence[DueRow], now: datetime) -> list[Schedule]:
        due = set(_until(rows, now))
        return [s for s in self._schedules if due - self._seen[s.name]]

    def _visit(
        self, rows: Sequence[DueRow], stop: datetime, fired: Sequence[Schedule]
    ) -> Sequence[DueRow]:
        for schedule in fired:
            self.worker.fire(schedule, stop, self._tally)
        self.worker.settle(self._tally)
        self._ticks += bool(fired)
        rows_after = self.waiting.earliest_first()
        before, after = set(_until(rows, stop)), set(_until(rows_after, stop))
        moved = {row.kind for row in before - after}
        stuck = {row for row in before & after if row.kind not in moved}
        for schedule in fired:
            seen = self._seen[schedule.name]
            # Of a kind that moves, what was left over gets another tick.
            self._seen[schedule.name] = {r for r in seen | stuck if r in after} - {
                r for r in after if r.kind in moved
            }
        return rows_after


def instant_text(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _has_tick(schedule: Schedule, instant: datetime) -> bool:
    return schedule.ticks.after(instant - _INSTANT) == instant


def _until(rows: Iterable[DueRow], instant: datetime) -> Iterator[DueRow]:
    return (row for row in rows if row.at <= instant)
