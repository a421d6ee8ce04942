"""Starts background jobs; the sweep gives a new one its first slice within a minute."""

from __future__ import annotations

from datetime import datetime

from billing.jobs.jobs import OVER, Job, JobLine, JobState
from billing.kernel.errors import Conflict
from billing.kernel.ports import Ports
from billing.kernel.writes import Change, Insert, Write

TRIES = 4
"""The times that a write is tried that another writer of the same line came before."""


def start(
    ports: Ports,
    job: Job,
    *,
    now: datetime,
    replaces: frozenset[JobState] = OVER,
    also: tuple[Write, ...] = (),
) -> Job:
    """Starts a job, unless there is one of that id in a state it does not replace; returns the job
    there is.

    Mostly it replaces one that has ended. One that is paused or has failed waits for the operator.
    The writes of `also` are committed with the job.
    """
    for left in reversed(range(TRIES)):
        found = ports.store.job(job.owner, job.id)
        if found is not None and found.state not in replaces:
            return found
        write: Write = Insert(job) if found is None else Change(found, job)
        try:
            ports.store.commit(*also, write, *joins(ports, job, now))
        except Conflict:
            if not left:
                raise
            continue
        return job
    raise AssertionError("the last try returns or raises")


def joins(ports: Ports, job: Job, now: datetime) -> tuple[Write, ...]:
    """Returns the write that puts a job at the end of its owner's line."""
    line = ports.store.job_line(job.owner)
    if line is None:
        empty = JobLine(job.owner, ports.shard_of(job.owner))
        return (Insert(empty.joined(job.id, now)),)
    return (changed(line, line.joined(job.id, now)),)


def changed(before: JobLine, after: JobLine) -> Change:
    """Returns a change of a line that holds only if the whole line is as it was read."""
    return Change(before, after, expecting=("waiting", "due_at"))
