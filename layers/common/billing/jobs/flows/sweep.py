"""Puts the lines of jobs that are due on the queue: new ones, and those whose process died."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from billing.jobs.jobs import LEASE
from billing.kernel.due import DueKind
from billing.kernel.flows import due
from billing.kernel.ports import Ports

ROOM = 20
"""The most slices on the queue: four workers do them within a lease, if each takes its whole
minute."""

LIMIT = 100


def sweep(ports: Ports, *, now: datetime, limit: int = LIMIT) -> Counter[str]:
    """Leases the lines that have waited longest, as many as the workers do within a lease.

    The others stay due, and come first when there is room.
    """
    dues = due.overdue(ports, DueKind.JOB, now=now, limit=limit)
    if not dues:
        return Counter(due=0)
    room = max(0, ROOM - ports.jobs.waiting())
    leases = ports.store.lease_each(dues[:room], now + LEASE)
    if leases:
        ports.jobs.send(leases)
    return Counter(due=len(dues), enqueued=len(leases))
