"""The sweep: what is due, leased and put on the queue, at the gateway's pace (R-1, R-2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

from billing.ports import Ports
from billing.subscription import Alarm


def due(
    ports: Ports,
    *,
    now: datetime,
    kinds: Sequence[Alarm] = (Alarm.BILL, Alarm.CHECKOUT, Alarm.REFUND),
    keep_going: Callable[[], bool] = lambda: True,
    dry_run: bool = False,
) -> Counter[str]:
    """Lease what is due and put it on the queue; the tally counts `due` and `enqueued`.

    No more is taken than the gateway can charge within a lease; the rest stays due and comes first
    next time. A replayed sweep finds the leases standing and takes nothing twice.
    """
    tally: Counter[str] = Counter()
    left = ports.operation.gateway_calls_per_second * ports.operation.lease_seconds // 2
    until = now + ports.operation.lease
    for kind in kinds:
        for shard in range(ports.operation.shards):
            if not keep_going():
                return tally
            rows = ports.store.due(kind, shard, now, left)
            tally["due"] += len(rows)
            if dry_run:
                continue
            leases = ports.store.lease_each(rows, until)
            if leases:  # the first use of the queue is a client, a third of a cold start
                ports.queue.send(leases)
            tally["enqueued"] += len(leases)
            left -= len(leases)
    return tally
