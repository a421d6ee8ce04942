"""One slice of a job: takes the lease, does steps while there is time, writes how far it came.

Nothing is lost where a process dies: the place is written once, at the end, and the lease brings
the line back. Nothing is counted twice either, for the counts are written with the place.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from billing.jobs.flows.start import TRIES, changed
from billing.jobs.flows.steps import Kind
from billing.jobs.flows.sweep import ROOM
from billing.jobs.jobs import (
    FAILS_AFTER,
    LEASE,
    PROCESS_ENDED,
    SHORTEST_PAUSE,
    Job,
    JobLine,
    JobState,
    Waiting,
    place_of,
)
from billing.kernel.due import DueKind
from billing.kernel.errors import Conflict
from billing.kernel.flows.walks import KeepGoing
from billing.kernel.ports import Ports
from billing.kernel.storage import Due
from billing.kernel.values import Value, replace
from billing.kernel.walks import Seen
from billing.kernel.writes import Change, Write

PLACE = ("state", "cursor", "done", "skipped", "failed", "left", "round_at")
"""The fields of a job that a slice writes only if they are as it read them."""


class Slice(Value):
    """The result of a message: what became of it, the job it was about, and our own errors."""

    outcome: str
    job: Job | None = None
    errors: tuple[Exception, ...] = ()


def take(
    ports: Ports,
    kinds: Mapping[str, Kind],
    lease: Due,
    *,
    now: datetime,
    keep_going: KeepGoing,
) -> Slice:
    """Does a slice of the job whose turn it is, and puts the line's next slice on the queue.

    A message whose lease is not the line's any more is dropped: another one has the line.
    """
    (owner,) = lease.owner
    line = ports.store.job_line(owner)
    if line is None or line.due_at != lease.due_at:
        return Slice("stale")
    begun = line.begun(now)
    if begun is None:
        ports.store.commit(changed(line, replace(line, due_at=line.next_at())))
        return Slice("nothing_due")
    claimed, turn = begun
    try:
        ports.store.commit(changed(line, claimed))
    except Conflict:
        return Slice("stale")
    job = ports.store.job(owner, turn.job)
    if job is None or not job.is_live:
        return _save(ports, claimed, turn, None, None, None, now)
    if turn.begun > FAILS_AFTER:
        failed = replace(job, state=JobState.FAILED, error=PROCESS_ENDED, updated_at=now)
        return _save(ports, claimed, turn, job, failed, None, now)
    kind = kinds.get(job.kind)
    if kind is None:
        # A newer version of the code has made it, and will do it.
        return _save(ports, claimed, turn, job, job, now + LEASE, now)
    after, at, errors = _slice(ports, kind, job, turn.steps_at_once, now, keep_going)
    saved = _save(ports, claimed, turn, job, after, at if after.is_live else None, now)
    return replace(saved, errors=errors)


def _slice(
    ports: Ports, kind: Kind, job: Job, at_once: int, now: datetime, keep_going: KeepGoing
) -> tuple[Job, datetime, tuple[Exception, ...]]:
    """Does up to `at_once` steps of a job; returns it as it is then, and when it goes on.

    The errors are those of our own code.
    """
    after = replace(job, state=JobState.RUNNING, updated_at=now)
    errors: list[Exception] = []
    try:
        steps = kind.steps(ports, job, now=now, keep_going=keep_going)
        for number, step in enumerate(steps, 1):
            after = after.stepped(step)
            if step.error is not None:
                errors.append(step.error)
            if step.seen is Seen.MORE:
                return after, _goes_on_at(now, keep_going), tuple(errors)
            if number >= at_once or not keep_going():
                return after, now, tuple(errors)
        after, at = _over(ports, kind, after, now, keep_going)
    except Exception as error:
        errors.append(error)
        after, at = after.failing(error, now)
    return after, at, tuple(errors)


def _over(
    ports: Ports, kind: Kind, job: Job, now: datetime, keep_going: KeepGoing
) -> tuple[Job, datetime]:
    """Ends a round: the job is done, or has another round for what is left."""
    if job.left:
        return job.again(now)
    match kind.finish(ports, job, now=now, keep_going=keep_going):
        case Seen.LEFT:
            return job.again(now)
        case Seen.MORE:
            return job, _goes_on_at(now, keep_going)
    return replace(job, state=JobState.DONE, error=None), now


def _goes_on_at(now: datetime, keep_going: KeepGoing) -> datetime:
    """Returns when what is done in part goes on: at once if its time was over, else in a while.

    So nothing that stops by itself again and again keeps the workers busy.
    """
    return now + SHORTEST_PAUSE if keep_going() else now


def _save(
    ports: Ports,
    claimed: JobLine,
    turn: Waiting,
    before: Job | None,
    after: Job | None,
    at: datetime | None,
    now: datetime,
) -> Slice:
    """Writes place and counts, gives the lease back or begins the next one, and says so.

    What another writer did meanwhile stands: a job that joined the line has its turn, and one that
    was paused stays so and keeps its place.
    """
    line: JobLine | None = claimed
    for left in reversed(range(TRIES)):
        ended = _ended(ports, line, claimed, turn, at, now)
        writes: list[Write] = [] if line is None or ended is None else [changed(line, ended)]
        if before is not None and after is not None and after != before:
            writes.append(Change(before, after, expecting=PLACE))
        try:
            ports.store.commit(*writes)
        except Conflict:
            if not left:
                raise
        else:
            return _go_on(ports, ended, after, now)
        line, found = ports.store.job_line(claimed.owner), ports.store.job(claimed.owner, turn.job)
        if before is None or after is None or found is None:
            return Slice("overtaken")
        is_ours = line is not None and line.due_at == claimed.due_at
        if place_of(found) != place_of(before) or (found.is_live and not is_ours):
            return Slice("overtaken")
        if found.state is not before.state:
            after, at = replace(after, state=found.state), at if found.is_live else None
        before = found
    raise AssertionError("the last try returns or raises")


def _ended(
    ports: Ports,
    line: JobLine | None,
    claimed: JobLine,
    turn: Waiting,
    at: datetime | None,
    now: datetime,
) -> JobLine | None:
    """Returns the line after a slice, with its next lease where its next slice may begin at once.

    None if the lease is another's by now. While many slices wait on the queue, the line waits in
    the due index instead, behind those that have waited longer.
    """
    if line is None or line.due_at != claimed.due_at:
        return None
    ended = line.ended(turn.job, at)
    next_at = ended.next_at()
    if next_at is None or next_at > now or ports.jobs.waiting() >= ROOM:
        return replace(ended, due_at=next_at)
    return replace(ended, due_at=ended.leased_until(now))


def _go_on(ports: Ports, line: JobLine | None, job: Job | None, now: datetime) -> Slice:
    if line is not None and line.due_at is not None and line.next_at() != line.due_at:
        ports.jobs.send([Due(DueKind.JOB, line.due_at, (line.owner,))])
    return Slice("gone" if job is None else job.state.value, job)


def name_of(job: Job | None) -> str:
    """Returns a job's name in a log."""
    return "" if job is None else f"{job.owner}/{job.id}"
