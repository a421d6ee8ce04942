"""Starts workers for deliveries that are due: next attempts, and those whose worker died (M-5)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime

from billing.kernel.due import DueKind
from billing.kernel.errors import Unavailable
from billing.kernel.flows import due
from billing.kernel.flows.walks import KeepGoing
from billing.kernel.ports import Ports
from billing.kernel.storage import Due
from billing.webhooks.deliveries import LEASE

LIMIT = 400
"""The most deliveries of each shard that are looked at in a round."""

ROUNDS = 5
"""The most rounds of a sweep: replays to some endpoints of a shard are due faster than one round
goes, and would put off everybody's next attempts there."""

AT_ONCE = 100
"""The most deliveries of one worker."""


def sweep(
    ports: Ports, *, now: datetime, limit: int = LIMIT, keep_going: KeepGoing = lambda: True
) -> Counter[str]:
    """Leases what is due, those that wait longest first, and starts a worker for each endpoint.

    Where more is due than a round takes, there is another one while there is time.
    """
    tally: Counter[str] = Counter()
    for number in range(ROUNDS):
        if number and not keep_going():
            break
        dues = due.overdue(ports, DueKind.WEBHOOK, now=now, limit=limit)
        leases = ports.store.lease_each(dues, now + LEASE) if dues else []
        tally += Counter(webhooks_due=len(dues)) + _start(ports, leases)
        if len(dues) < limit or not leases:
            break
    return tally


def _start(ports: Ports, leases: Sequence[Due]) -> Counter[str]:
    """Starts workers for leases, one for each part of an endpoint's."""
    theirs: dict[tuple[str, ...], list[Due]] = defaultdict(list)
    for lease in leases:
        theirs[lease.owner[:2]].append(lease)
    tally: Counter[str] = Counter()
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
