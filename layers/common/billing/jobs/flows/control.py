"""The operator's hold on background jobs: lists, pauses, resumes and stops them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from billing.jobs.flows.start import TRIES, changed, joins
from billing.jobs.jobs import OVER, Job, JobState
from billing.kernel.errors import Conflict, NotFound, Refused
from billing.kernel.ports import Ports
from billing.kernel.values import replace
from billing.kernel.writes import Change, Write

LISTED = 100
"""The most jobs in one list; those that have ended are not in it."""


def unfinished(ports: Ports) -> list[Job]:
    """Lists jobs of all owners that have not ended, oldest first."""
    return ports.store.jobs(LISTED)


def one(ports: Ports, owner: str, job_id: str) -> Job:
    """Returns a job, ended or not; raises `NotFound`."""
    job = ports.store.job(owner, job_id)
    if job is None:
        raise NotFound("job_unknown")
    return job


def pause(ports: Ports, owner: str, job_id: str, *, now: datetime) -> Job:
    """Pauses a job; the slice under way is the last one until it is resumed."""
    return _change(ports, owner, job_id, lambda job: _to(job, JobState.PAUSED, now), now)


def resume(ports: Ports, owner: str, job_id: str, *, now: datetime) -> Job:
    """Lets a paused or failed job go on from where it stopped; its failures are forgotten."""

    def resumed(job: Job) -> Job:
        return job if job.is_live else job.resumed(now)

    return _change(ports, owner, job_id, resumed, now)


def stop(ports: Ports, owner: str, job_id: str, *, now: datetime) -> Job:
    """Ends a job before its end; what is done stays done.

    What started it may start another of its kind from the beginning.
    """
    return _change(ports, owner, job_id, lambda job: _to(job, JobState.STOPPED, now), now)


def _to(job: Job, state: JobState, now: datetime) -> Job:
    return job if job.state is state else replace(job, state=state, updated_at=now)


def _change(
    ports: Ports, owner: str, job_id: str, change: Callable[[Job], Job], now: datetime
) -> Job:
    """Writes another state of a job, and its place in the line; raises `Refused` (job_over)."""
    for left in reversed(range(TRIES)):
        before = one(ports, owner, job_id)
        after = change(before)
        if after == before:
            return before
        if before.state in OVER:
            raise Refused("job_over")
        try:
            ports.store.commit(
                Change(before, after, expecting=("state",)), *_turns(ports, before, after, now)
            )
        except Conflict:
            if not left:
                raise
            continue
        return after
    raise AssertionError("the last try returns or raises")


def _turns(ports: Ports, before: Job, after: Job, now: datetime) -> tuple[Write, ...]:
    """Returns the write that gives a job its turns, or takes them away."""
    if before.is_live == after.is_live:
        return ()
    if after.is_live:
        return joins(ports, after, now)
    line = ports.store.job_line(before.owner)
    if line is None:
        return ()
    left = line.without(before.id, now)
    return () if left is line else (changed(line, left),)
