"""Finds background jobs that need a person: those that failed, and lines that nobody takes up."""

from __future__ import annotations

from datetime import datetime, timedelta

from billing.jobs.flows import control
from billing.jobs.jobs import JobState
from billing.kernel.due import DueKind
from billing.kernel.flows import due
from billing.kernel.ports import Ports
from billing.kernel.values import Value

LATE_AFTER = timedelta(hours=1)
LINES_AT_MOST = 100


class Stuck(Value):
    """A failed job, or a line of jobs that has been due for an hour."""

    why: str
    merchant: str
    since: datetime
    kind: str = ""
    job: str = ""

    def described(self) -> dict[str, str | None]:
        """Returns the fields of a log line: ids and reasons."""
        return {
            "why": self.why,
            "kind": self.kind,
            "merchant": self.merchant,
            "owner": self.job,
            "since": self.since.isoformat(),
        }


def find(ports: Ports, *, now: datetime) -> list[Stuck]:
    """Finds failed jobs, until somebody resumes or stops them, and lines that are late."""
    failed = [
        Stuck(f"failed: {job.error}", job.owner, job.updated_at, job.kind, job.id)
        for job in control.unfinished(ports)
        if job.state is JobState.FAILED
    ]
    late = due.overdue(ports, DueKind.JOB, now=now - LATE_AFTER, limit=LINES_AT_MOST)
    return [*failed, *(Stuck("unanswered", row.owner[0], row.due_at) for row in late)]
