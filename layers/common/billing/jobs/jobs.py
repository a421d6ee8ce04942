"""Background jobs as they are stored: what is done of each, and whose turn it is.

A job walks through many things in slices, each as long as one invocation of a function. Its cursor
is the place after the last thing that is done, and is written with its counts at the end of a
slice. A process that dies in a slice has the slice repeated, so every step must be harmless when
it is done again.

Each merchant has one line of jobs, and the line has one due date. So a merchant with ten jobs has
one slice in turn with the merchant who has one.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from billing.kernel.due import DueKind
from billing.kernel.errors import Conflict, Unavailable
from billing.kernel.values import Value, replace
from billing.kernel.walks import Seen
from billing.kernel.writes import Entity

PLATFORM = ""
"""The owner of jobs that belong to no merchant."""

LEASE = timedelta(minutes=5)
"""The time that a slice may take, from being put on the queue to its end."""

STEPS_AT_ONCE = 250
"""The most steps between two writes of a job's place: so many are repeated after a crash."""

FAILS_AFTER = 5
"""The failures in a row, through an error of our own, after which a person must look."""

OUTAGES_FAIL_AFTER = 24
"""The failures in a row, through an outage, after which a person must look: about a day."""

SHORTEST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
"""The pauses after a first and after many failures in a row, and the longest before a round."""

LONGEST_BETWEEN_ROUNDS = timedelta(minutes=10)
"""The pause before a round of many in a row, if none of them took as long."""

PROCESS_ENDED = "process_ended"
"""The error of a job whose process ended without a word in each of its last slices."""


class JobState(StrEnum):
    """The state of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    FAILED = "failed"
    DONE = "done"
    STOPPED = "stopped"


LIVE = frozenset({JobState.QUEUED, JobState.RUNNING})
"""The states in which a job has its turns."""

OVER = frozenset({JobState.DONE, JobState.STOPPED})
"""The states in which a job has ended for good."""


class Step(Value):
    """The outcome of one step, and the cursor after it.

    `seen` is None for a step that only moves on, such as to the next list. `error` is what our own
    code failed with on a thing that is `LEFT` for another round. `count` is how many things a
    `FINISHED` step did at once.
    """

    cursor: str
    seen: Seen | None = Seen.FINISHED
    error: Exception | None = None
    count: int = 1


class Job(Entity):
    """A background job of one owner: a merchant, or the platform.

    `kind` is the name under which its steps are registered; a plain text, because a version of the
    code may meet a job of a newer one. `done`, `skipped` and `failed` count the things of the
    present round, `left` those of it that need another round, and `of` all things, if that is
    known; `rounds` were before it. `error` is the last failure, and `failures` how many there were
    in a row. `broken` says that our code failed on a thing of the present round, and `bad_rounds`
    are the rounds in a row before it of which that is true. Each round begins at the cursor
    `begins`.
    """

    owner: str
    id: str
    kind: str
    created_at: datetime
    updated_at: datetime
    round_at: datetime
    state: JobState = JobState.QUEUED
    cursor: str = ""
    of: int | None = None
    done: int = 0
    skipped: int = 0
    failed: int = 0
    left: int = 0
    rounds: int = 0
    failures: int = 0
    broken: bool = False
    bad_rounds: int = 0
    error: str | None = None
    begins: str = ""

    @property
    def is_live(self) -> bool:
        return self.state in LIVE

    @property
    def is_over(self) -> bool:
        return self.state in OVER

    @property
    def seen(self) -> int:
        """Returns the number of things that were looked at in the present round."""
        return self.done + self.skipped + self.failed + self.left

    def stepped(self, step: Step) -> Job:
        """Moves past one thing."""
        going = replace(self, failures=0, error=self.error if self.broken else None)
        if step.seen is Seen.MORE:
            return going
        after = replace(going, cursor=step.cursor)
        if step.error is not None:
            after = replace(after, error=name_of(step.error), broken=True)
        match step.seen:
            case Seen.FINISHED:
                return replace(after, done=self.done + step.count)
            case Seen.SKIPPED:
                return replace(after, skipped=self.skipped + 1)
            case Seen.FAILED:
                return replace(after, failed=self.failed + 1)
            case Seen.LEFT:
                return replace(after, left=self.left + 1)
        return after

    def again(self, now: datetime) -> tuple[Job, datetime]:
        """Begins another round for what was left; returns also when.

        That is after a pause as long as the round took, up to an hour, so that not all the time
        goes into things that cannot be finished. If our code failed on one, there are only some
        rounds.
        """
        bad = self.bad_rounds + 1 if self.broken else 0
        pause = min(_pause_after(self.rounds + 1), LONGEST_BETWEEN_ROUNDS)
        # A round that an outage held up for weeks is no reason to wait for weeks.
        took = min(now - self.round_at, LONGEST_PAUSE)
        at = now + max(took, _pause_after(bad) if bad else pause)
        if bad >= FAILS_AFTER:
            return replace(self, state=JobState.FAILED), now
        after = replace(
            self,
            cursor=self.begins,
            round_at=at,
            of=self.seen,
            done=0,
            skipped=0,
            failed=0,
            left=0,
            rounds=self.rounds + 1,
            broken=False,
            bad_rounds=bad,
        )
        return after, at

    def failing(self, error: Exception, now: datetime) -> tuple[Job, datetime]:
        """Counts a failed step that holds the whole job up; returns also when to try again."""
        failures = self.failures + 1
        most = OUTAGES_FAIL_AFTER if isinstance(error, Conflict | Unavailable) else FAILS_AFTER
        state = JobState.FAILED if failures >= most else self.state
        after = replace(self, failures=failures, error=name_of(error), state=state)
        return after, now + _pause_after(failures)

    def resumed(self, now: datetime) -> Job:
        """Gives a paused or failed job its turns again, from where it stopped."""
        queued = replace(self, state=JobState.QUEUED, updated_at=now)
        forgotten = replace(queued, failures=0, broken=False, bad_rounds=0, error=None)
        return replace(forgotten, round_at=now, rounds=0)


def new(
    owner: str,
    job_id: str,
    kind: str,
    now: datetime,
    *,
    begins: str = "",
    cursor: str | None = None,
) -> Job:
    """Returns a job whose rounds begin at a cursor; the first one may go on from another."""
    at = begins if cursor is None else cursor
    return Job(owner, job_id, kind, now, now, now, cursor=at, begins=begins)


def name_of(error: Exception) -> str:
    """Returns the name of an error: its code, or its class.

    Its message may hold what no list should show.
    """
    code = getattr(error, "code", None)
    return code if isinstance(code, str) else type(error).__name__


def place_of(job: Job) -> tuple[object, ...]:
    """Returns how far a job has come; it is another one after each slice that was saved."""
    return job.round_at, job.cursor, job.done, job.skipped, job.failed, job.left


def _pause_after(failures: int) -> timedelta:
    return min(SHORTEST_PAUSE * (1 << min(failures - 1, 10)), LONGEST_PAUSE)


class Waiting(Value):
    """A live job in its owner's line: not before `at`; `begun` counts slices that began and did
    not end."""

    job: str
    at: datetime
    begun: int = 0

    @property
    def steps_at_once(self) -> int:
        """Returns the most steps of the slice that has begun: ever fewer after slices that died.

        So a job gets up to the very step that kills its process.
        """
        return max(1, STEPS_AT_ONCE >> 2 * (self.begun - 1))


class JobLine(Entity):
    """The live jobs of one owner in their order; each slice takes the first that may run.

    `due_at` is when the next slice begins, or the end of the lease of the one that is under way;
    None without live jobs.
    """

    due_kind: ClassVar[DueKind] = DueKind.JOB

    owner: str
    shard: int
    due_at: datetime | None = None
    waiting: tuple[Waiting, ...] = ()

    def next_at(self) -> datetime | None:
        """Returns when the next slice may begin, None without jobs."""
        return min((each.at for each in self.waiting), default=None)

    def joined(self, job: str, now: datetime, *, at: datetime | None = None) -> JobLine:
        """Puts a job at the end of the line."""
        others = tuple(each for each in self.waiting if each.job != job)
        return self._with((*others, Waiting(job, at or now)), now)

    def without(self, job: str, now: datetime) -> JobLine:
        """Takes a job out of the line."""
        left = tuple(each for each in self.waiting if each.job != job)
        return self if left == self.waiting else self._with(left, now)

    def _with(self, waiting: tuple[Waiting, ...], now: datetime) -> JobLine:
        """Returns the line with other jobs, and due with the next of them; a slice that is on its
        way keeps its lease.

        A line whose jobs all pause is due with the first of them, and that is no lease.
        """
        after = replace(self, waiting=waiting)
        at = after.next_at()
        is_leased = self.due_at is not None and now < self.due_at != self.next_at()
        if at is not None and at <= now and is_leased:
            return after
        return replace(after, due_at=at)

    def begun(self, now: datetime) -> tuple[JobLine, Waiting] | None:
        """Begins a slice: moves the first job that may run to the end; None if there is none.

        So a process that dies in the slice has the owner's other jobs before it.
        """
        first = next((each for each in self.waiting if each.at <= now), None)
        if first is None:
            return None
        others = tuple(each for each in self.waiting if each is not first)
        last = replace(first, begun=first.begun + 1)
        return replace(self, waiting=(*others, last), due_at=self.leased_until(now)), last

    def ended(self, job: str, at: datetime | None) -> JobLine:
        """Ends a slice: the job has its next turn from `at` on, behind the others, or none."""
        others = tuple(each for each in self.waiting if each.job != job)
        return replace(self, waiting=others if at is None else (*others, Waiting(job, at)))

    def leased_until(self, now: datetime) -> datetime:
        """Returns the end of a new lease, which differs from that of any before it."""
        ends = now + LEASE
        return ends if self.due_at is None else max(ends, self.due_at + timedelta(microseconds=1))
