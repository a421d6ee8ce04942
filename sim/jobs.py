"""Background jobs in the simulated deployment: their queue, their sweep, and jobs that tally.

Each merchant has some jobs of numbered steps, and each step leaves an item of its own. Whatever
dies or comes twice, each job must end with all of its steps done and counted (28).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from billing.aws.sqs_queue import SqsQueue, leases_of
from billing.checkout.trials import TrialUse
from billing.gateway_events.flows import lost_events
from billing.jobs import jobs
from billing.jobs.flows import control, steps, sweep, worker
from billing.jobs.flows.start import start
from billing.jobs.flows.steps import Kind
from billing.jobs.jobs import PLATFORM, Job, JobLine, JobState, Step
from billing.kernel.due import DueKind
from billing.kernel.errors import Conflict, Refused
from billing.kernel.flows.walks import KeepGoing
from billing.kernel.ports import Ports
from billing.kernel.values import Value
from billing.kernel.walks import Seen
from billing.kernel.writes import Insert
from billing.runtime.job_kinds import KINDS
from billing.storage.addresses import DUE, stamp
from billing.storage.due_keys import due_shard
from sim.chance import Chance, stretched
from sim.deployment import batch_answer
from sim.invariants import Violation
from sim.virtual_clock import HOUR, MINUTE, SECOND, instant, microseconds

if TYPE_CHECKING:
    from sim.world import World

SHARE = 0.5
"""The share of the seeds that have jobs."""

JOBS_AT_MOST, STEPS_AT_MOST = 4, 40
MESSAGE_US = (5_000, 2 * SECOND)
LATE_US = (SECOND, 8 * HOUR)
VISIBILITY_US = 360 * SECOND
SLOW_US = 15 * MINUTE
NOT_AT_FIRST = 2
"""The number of rounds in which some steps cannot be done."""

RECEIVED_AT_MOST = 5


class Planned(Value):
    """A job that a seed starts, and its number of steps."""

    owner: str
    id: str
    steps: int


def _effect(job: Job, number: int, now: datetime) -> TrialUse:
    return TrialUse(job.owner, f"{job.id}:{number}", job.id, now)


def _nothing(ports: Ports, job: Job, *, now: datetime, keep_going: KeepGoing) -> Iterator[Step]:
    """Ends at once: a seed without webhooks looks for no lost ones either."""
    return iter(())


KIND = "tally"


class SimJobs:
    """The queue of background jobs, the sweep that fills it, and the workers."""

    def __init__(self, world: World) -> None:
        self.queue = SqsQueue("simulated", self, per_message=1)
        self.planned: list[Planned] = []
        self._world = world
        look = lost_events.LOOK if world.webhooks.on else Kind(_nothing)
        self._kinds = {**KINDS, KIND: Kind(self._tally), lost_events.JOB: look}
        self._refused: Counter[str] = Counter()
        self._ticks: set[int] = set()
        self._in_flight = 0

    def begin(self) -> None:
        """Plans the jobs of this seed, and when an operator pauses some."""
        world = self._world
        if not world.faults.on or not Chance(world.seed, "jobs").happens(SHARE):
            return
        for owner in world.plan.merchants:
            chance = Chance(world.seed, f"jobs {owner}")
            for number in range(chance.between(1, JOBS_AT_MOST)):
                length = chance.between(0, STEPS_AT_MOST)
                planned = Planned(owner, f"{KIND}-{number}-{length}", length)
                self.planned.append(planned)
                at_us = world.plan.start_us + chance.between(HOUR, 3 * HOUR)
                job = jobs.new(owner, planned.id, KIND, instant(at_us))
                self._until_done(f"start {owner} {planned.id}", at_us, partial(_start, job=job))
                if chance.happens(0.3):
                    paused_us = at_us + chance.between(0, 10 * MINUTE)
                    self._operates(planned, control.pause, paused_us)
                    self._operates(planned, control.resume, paused_us + chance.between(0, HOUR))

    def heal(self) -> None:
        """Resumes what has failed or is paused, as an operator does once the cause is mended."""
        for planned in self.planned:
            self._operates(planned, control.resume, self._world.clockwork.now_us)

    def _operates(self, planned: Planned, act: Callable[..., Job], at_us: int) -> None:
        name = f"{act.__name__} {planned.owner} {planned.id}"
        self._until_done(name, at_us, partial(_operate, act=act, planned=planned))

    def _until_done(self, name: str, at_us: int, work: Callable[[Ports], None]) -> None:
        """Runs something until it ends without an error."""

        def ended(error: BaseException | None) -> None:
            if error is not None:
                self._until_done(name, self._world.clockwork.now_us + MINUTE, work)

        self._world.clockwork.spawn(name, lambda: work(self._world.ports), at_us, ended)

    def _tally(
        self, ports: Ports, job: Job, *, now: datetime, keep_going: KeepGoing
    ) -> Iterator[Step]:
        """Does numbered steps; some cannot be done at first, and some outlive their lease."""
        _, place = steps.place_in(job.cursor)
        first = int(place) + 1 if place else 0
        last = int(job.id.rpartition("-")[2])

        def act(number: int) -> Seen:
            name = f"{job.owner} {job.id} {number}"
            chance = Chance(self._world.seed, f"step {name}")
            if chance.happens(0.1) and self._refused[name] < NOT_AT_FIRST:
                self._refused[name] += 1
                return Seen.LEFT
            if chance.happens(0.03) and self._world.faults.on:
                self._world.clockwork.sleep(chance.between(MINUTE, SLOW_US))
            with suppress(Conflict):  # a slice that died has done it
                ports.store.commit(Insert(_effect(job, number, now)))
            return Seen.FINISHED

        return steps.each("step", ((n, str(n)) for n in range(first, last)), act)

    # The sweep

    def due_at(self, line: JobLine) -> None:
        """Plans a tick of the sweep for a line's due date."""
        if line.due_at is not None:
            self._tick_at(microseconds(line.due_at))

    def _tick_at(self, at_us: int) -> None:
        tick_us = -(-max(at_us, self._world.clockwork.now_us) // MINUTE) * MINUTE
        if tick_us not in self._ticks:
            self._ticks.add(tick_us)
            self._world.clockwork.at(tick_us, partial(self._tick, tick_us))

    def _tick(self, tick_us: int) -> None:
        self._ticks.discard(tick_us)
        world, until = self._world, f"{stamp(instant(tick_us))}#\U0010ffff"
        shards = range(world.plan.shards)
        due = [s for s in shards if world.table.begins_by(DUE, due_shard(DueKind.JOB, s), until)]
        if not due:
            return
        if down_until := world.wire.down_until(tick_us):
            self._tick_at(down_until)
            return
        self._tick_at(tick_us + 1)
        self._sweep(tick_us)
        if world.faults.around("tick_twice", f"jobs {tick_us}") is not None:
            self._sweep(tick_us)

    def _sweep(self, tick_us: int) -> None:
        def work() -> None:
            sweep.sweep(self._world.ports, now=instant(tick_us))

        clockwork = self._world.clockwork
        clockwork.spawn(f"jobs {instant(tick_us):%m-%d %H:%M}", work, tick_us, lambda error: None)

    # The queue

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Any]) -> dict[str, Any]:  # noqa: N803
        """Takes messages from `SqsQueue` as SQS does; it may refuse some."""

        def taken(entries: Sequence[Any]) -> dict[str, Any]:
            for entry in entries:
                self._put(entry["MessageBody"])
            return batch_answer(Entries, len(entries))

        return self._world.wire.call(
            "queue",
            "send",
            lambda: taken(Entries),
            instead={"partly": lambda length: taken(Entries[: int(len(Entries) * length)])},
        )

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: Sequence[str]) -> Any:  # noqa: N803
        """Returns the queue's message counts."""
        waiting, *others = AttributeNames
        counts = {waiting: str(self._in_flight), **dict.fromkeys(others, "0")}
        return self._world.wire.call("queue", "ask", lambda: {"Attributes": counts})

    def _put(self, body: str) -> None:
        """Puts a message on the queue; it is delivered at least once."""
        ((_, due_at, owner),) = json.loads(body)["leases"]
        world, name = self._world, f"job of {owner} at {due_at[5:]}"
        now_us, chance = world.clockwork.now_us, Chance(world.seed, name)
        late = world.faults.around("late_message", name)
        span, at = (LATE_US, late) if late is not None else (MESSAGE_US, chance.share())
        self._deliver(name, body, now_us + int(stretched(*span, at)), 1)
        twice = world.faults.around("duplicate", name)
        if twice is not None:
            again_us = now_us + int(stretched(1_000, 10 * MINUTE, twice))
            self._deliver(f"{name} doubled", body, again_us, 1)

    def _deliver(self, name: str, body: str, at_us: int, received: int) -> None:
        self._in_flight += 1
        room = iter(range(Chance(self._world.seed, f"{name} {received}").between(0, 12)))

        def work() -> None:
            self._in_flight -= 1
            ports = self._world.ports
            _, lost, broken = worker.take_all(
                ports,
                self._kinds,
                {name: leases_of(body)},
                now=ports.clock(),
                keep_going=lambda: next(room, None) is not None,
            )
            for error in (*broken.values(), *lost.values()):
                raise error

        def ended(error: BaseException | None) -> None:
            if error is not None and received < RECEIVED_AT_MOST:
                again_us = self._world.clockwork.now_us + VISIBILITY_US
                self._deliver(name, body, again_us, received + 1)

        self._world.clockwork.spawn(name, work, at_us, ended)


def _start(ports: Ports, job: Job) -> None:
    start(ports, job, now=ports.clock())


def _operate(ports: Ports, act: Callable[..., Job], planned: Planned) -> None:
    try:
        act(ports, planned.owner, planned.id, now=ports.clock())
    except Refused:
        return  # it has ended


def jobs_ended(world: World) -> None:
    """Checks that each job has ended, its effect is complete, and each step counted once (28)."""
    found = world.table
    stored = {(e.owner, e.id): e for e in found.all() if isinstance(e, Job)}
    done = {(e.merchant, e.subject) for e in found.all() if isinstance(e, TrialUse)}
    for planned in world.jobs.planned:
        job = stored.get((planned.owner, planned.id))
        if job is None or job.state is not JobState.DONE:
            raise Violation("29", f"the job {planned.id} has not ended: {job}", planned.id)
        missing = [
            number
            for number in range(planned.steps)
            if (planned.owner, f"{planned.id}:{number}") not in done
        ]
        if missing:
            raise Violation("29", f"steps {missing} of {planned.id} were not done", planned.id)
        if job.done != planned.steps:
            text = f"{planned.id} has {planned.steps} steps, and counts {job.done}"
            raise Violation("29", text, planned.id)
    for line in (e for e in found.all() if isinstance(e, JobLine)):
        if line.waiting and line.owner != PLATFORM:
            raise Violation("29", f"{line} still waits", line.owner)
