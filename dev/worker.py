"""Fires schedules and delivers queues and streams, one event at a time, on the dev clock.

One lock covers a whole round, and a journey of the clock takes the same lock: nothing is
delivered in the middle of a jump but by the jump itself.
"""

import json
import sys
import threading
import traceback
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from dev import saved
from dev.invoke import Invoke
from dev.stack import Schedule
from dev.tally import Tally
from dev.template import ACCOUNT, REGION

_IDLE_SECONDS = 1.0
_AFTER_TROUBLE_SECONDS = 5.0
# More rounds than any drain needs: what goes on longer feeds itself.
_MOST_ROUNDS = 10_000


class Source(Protocol):
    def deliver(self, tally: Tally) -> int:
        """Delivers one batch; returns how much was in it."""

    def retry_at(self) -> datetime | None:
        """Returns when something that failed is to be delivered again."""


class Worker:
    def __init__(
        self,
        clock: Callable[[], datetime],
        invoke: Invoke,
        schedules: Sequence[Schedule],
        sources: Sequence[Source],
        fired: Path,
    ) -> None:
        self.lock = threading.RLock()
        self.schedules = schedules
        self._clock = clock
        self._invoke = invoke
        self._sources = sources
        self._fired_path = fired
        known = {name: datetime.fromisoformat(tick) for name, tick in saved.read(fired).items()}
        # What never fired begins with its next tick.
        self._fired = {s.name: known.get(s.name, clock()) for s in schedules}
        self._awake = threading.Event()
        self.stopping = False
        self._thread = threading.Thread(target=self._run, name="worker")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stops the worker; returns when the round under way is done."""
        self.stopping = True
        self.wake()
        if self._thread.is_alive():
            self._thread.join()

    def wake(self) -> None:
        """Looks for work now rather than at the next poll, since somebody may have written."""
        self._awake.set()

    def fire(self, schedule: Schedule, tick: datetime, tally: Tally) -> None:
        self._fired[schedule.name] = tick
        name = schedule.function.logical_id
        try:
            tally.add(name, self._invoke(schedule.function, _event(schedule, tick)))
        except Exception:
            traceback.print_exc(file=sys.stderr)
            tally.failed(name)

    def settle(self, tally: Tally) -> None:
        """Delivers until a whole round finds nothing, which includes what deliveries caused."""
        for _ in range(_MOST_ROUNDS):
            if not sum(source.deliver(tally) for source in self._sources) or self.stopping:
                return
        print("Queue and stream do not come to rest; going on", file=sys.stderr)

    def retry_at(self) -> datetime | None:
        times = [at for source in self._sources if (at := source.retry_at()) is not None]
        return min(times, default=None)

    def save_fired(self, until: datetime) -> None:
        """Notes that ticks up to `until` have passed, whether fired or skipped for want of work."""
        for schedule in self.schedules:
            last = self._fired[schedule.name]
            self._fired[schedule.name] = schedule.ticks.latest(last, until) or last
        saved.write(self._fired_path, {name: at.isoformat() for name, at in self._fired.items()})

    def _run(self) -> None:
        while not self.stopping:
            try:
                with self.lock:
                    self._fire_passed(Tally())
                    self.settle(Tally())
                pause = self._seconds_to_next_tick()
            except Exception:
                traceback.print_exc(file=sys.stderr)
                pause = _AFTER_TROUBLE_SECONDS
            self._awake.wait(pause)
            self._awake.clear()

    def _fire_passed(self, tally: Tally) -> None:
        """Fires each schedule once, however many ticks were missed: a sweep takes all that is
        overdue.
        """
        now = self._clock()
        passed = [
            (schedule, tick)
            for schedule in self.schedules
            if (tick := schedule.ticks.latest(self._fired[schedule.name], now)) is not None
        ]
        for schedule, tick in passed:
            self.fire(schedule, tick, tally)
        if passed:
            self.save_fired(now)

    def _seconds_to_next_tick(self) -> float:
        now = self._clock()
        ticks = [schedule.ticks.after(now) for schedule in self.schedules]
        if not ticks:
            return _IDLE_SECONDS
        return min(_IDLE_SECONDS, (min(ticks) - now).total_seconds())


def _event(schedule: Schedule, tick: datetime) -> Any:
    # Whole seconds but for the tick at a journey's end, which lies where the journey does.
    time = tick.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
    execution = str(uuid.uuid4())
    if schedule.payload is not None:
        text = schedule.payload
        for name, value in {
            "schedule-arn": schedule.arn,
            "scheduled-time": time,
            "execution-id": execution,
            "attempt-number": "1",
        }.items():
            text = text.replace(f"<aws.scheduler.{name}>", value)
        return json.loads(text)
    return {
        "version": "0",
        "id": execution,
        "detail-type": "Scheduled Event",
        "source": "aws.events" if schedule.is_rule else "aws.scheduler",
        "account": ACCOUNT,
        "time": time,
        "region": REGION,
        "resources": [schedule.arn],
        # EventBridge Scheduler sends a text here, where a rule sends an object.
        "detail": {} if schedule.is_rule else "{}",
    }
