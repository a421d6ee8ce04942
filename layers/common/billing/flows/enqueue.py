"""The sweep: what is due, leased and put on the queue, at the gateway's pace (R-1, R-2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

from billing.alarms import Alarm
from billing.ports import Ports


def due(
    ports: Ports,
    *,
    now: datetime,
    kinds: Sequence[Alarm] = (Alarm.CHECKOUT, Alarm.REFUND, Alarm.BILL),
    keep_going: Callable[[], bool] = lambda: True,
    dry_run: bool = False,
) -> Counter[str]:
    """Lease what is due and put it on the queue; the tally counts `due` and `enqueued`.

    No more renewals wait on the queue than the gateway can charge within a lease, or leases would
    end there and be taken again; the rest stays due and comes first next time. Checkouts and
    refunds, whose people wait, go before them. A replayed sweep finds the leases standing and takes
    nothing twice.
    """
    tally: Counter[str] = Counter()
    left = ports.operation.gateway_calls_per_second * ports.operation.lease_seconds // 2
    asked_queue = False
    until = now + ports.operation.lease
    for kind in kinds:
        for shard in range(ports.operation.shards):
            if not keep_going():
                return tally
            rows = ports.store.due(kind, shard, now, left)
            tally["due"] += len(rows)
            if dry_run or not rows:
                continue
            if kind is Alarm.BILL and not asked_queue:
                left, asked_queue = max(0, left - ports.queue.waiting()), True
            leases = ports.store.lease_each(rows[:left], until)
            if leases:  # the first use of the queue is a client, a third of a cold start
                ports.queue.send(leases)
            tally["enqueued"] += len(leases)
            left -= len(leases)
    return tally
