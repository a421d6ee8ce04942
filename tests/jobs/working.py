"""A world with a kind of job that tallies numbers, and workers that are let work slice by slice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from billing.aws.sqs_queue import leases_of
from billing.jobs import jobs
from billing.jobs.flows import steps, sweep, work
from billing.jobs.flows.start import start
from billing.jobs.flows.steps import Kind
from billing.jobs.flows.work import Slice
from billing.jobs.jobs import Job, JobLine, Step
from billing.kernel.storage import Due
from billing.kernel.walks import Seen
from tests.hurry import room_for
from tests.world import World

MINUTE = timedelta(minutes=1)
KIND = "tally"


class Shop(World):
    """Merchants whose jobs tally: each job's id ends with the number of its steps.

    `acts` is every step that was begun, in order; `before` is run before each, and may fail.
    """

    def __init__(self) -> None:
        super().__init__()
        self.acts: list[tuple[str, str, int]] = []
        self.before: Callable[[Job, int], Any] = lambda job, number: None
        self.finish: Any = steps.nothing_more
        self.kinds = {KIND: Kind(self._steps, lambda *a, **k: self.finish(*a, **k))}

    def _steps(self, ports: Any, job: Job, **_: Any) -> Iterator[Step]:
        place = steps.place_in(job.cursor)[1]
        first = int(place) + 1 if place else 0

        def act(number: int) -> Seen:
            self.acts.append((job.owner, job.id, number))
            return self.before(job, number) or Seen.FINISHED

        last = int(job.id.rpartition("-")[2])
        return steps.each("step", ((n, str(n)) for n in range(first, last)), act)

    def starts(self, owner: str, name: str, length: int) -> Job:
        job = jobs.new(owner, f"{name}-{length}", KIND, self.now)
        return start(self.ports, job, now=self.now)

    def sweeps(self) -> None:
        sweep.sweep(self.ports, now=self.now)

    def lease(self) -> Due:
        """Takes the oldest message from the queue."""
        (lease,) = leases_of(self.jobs.bodies.pop(0))
        return lease

    def slice(self, steps_at_once: int = 1, lease: Due | None = None) -> Slice:
        """Lets a worker take the oldest message, with time for so many steps."""
        keep_going = room_for(steps_at_once - 1)
        return work.take(
            self.ports, self.kinds, lease or self.lease(), now=self.now, keep_going=keep_going
        )

    def works(self, steps_at_once: int = 1, *, minutes: int = 1) -> list[Slice]:
        """Lets minutes pass: in each the sweep runs, then workers take whatever is queued."""
        done = []
        for _ in range(minutes):
            self.now += MINUTE
            self.sweeps()
            while self.jobs.bodies:
                done.append(self.slice(steps_at_once))
        return done

    def job(self, owner: str, job_id: str) -> Job:
        found = self.store.job(owner, job_id)
        assert found is not None
        return found

    def line(self, owner: str) -> JobLine:
        found = self.store.job_line(owner)
        assert found is not None
        return found

    def done(self, owner: str, job_id: str) -> list[int]:
        """Returns the numbers whose steps were begun, as often as they were."""
        return sorted(n for whose, name, n in self.acts if (whose, name) == (owner, job_id))
