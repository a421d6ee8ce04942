"""Starts workers for deliveries that are due: next attempts, and those whose worker died (M-5)."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime

from billing.kernel.due import DueKind
from billing.kernel.errors import Unavailable
from billing.kernel.flows import due
from billing.kernel.ports import Ports
from billing.kernel.storage import Due
from billing.webhooks.deliveries import LEASE

LIMIT = 400
"""The most deliveries of each shard that are looked at."""

AT_ONCE = 100
"""The most deliveries of one worker."""


def sweep(ports: Ports, *, now: datetime, limit: int = LIMIT) -> Counter[str]:
    """Leases what is due, those that wait longest first, and starts a worker for each endpoint."""
    dues = due.overdue(ports, DueKind.WEBHOOK, now=now, limit=limit)
    if not dues:
        return Counter()
    leases = ports.store.lease_each(dues, now + LEASE)
    theirs: dict[tuple[str, ...], list[Due]] = defaultdict(list)
    for lease in leases:
        theirs[lease.owner[:2]].append(lease)
    tally: Counter[str] = Counter(webhooks_due=len(dues))
    for of_endpoint in theirs.values():
        for start in range(0, len(of_endpoint), AT_ONCE):
            part = of_endpoint[start : start + AT_ONCE]
            try:
                ports.webhook_workers.start(part)
            except Unavailable:
                tally["webhooks_not_started"] += len(part)
            else:
                tally["webhooks_started"] += len(part)
    return tally
