"""The sweep: claims what is due and queues it, at the gateway's pace (R-1, R-2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from billing.kernel.due import DueKind
from billing.kernel.flows.walks import rotated
from billing.kernel.ports import Ports

EVERY = timedelta(minutes=1)
"""The interval between two sweeps."""


def due(
    ports: Ports,
    *,
    now: datetime,
    kinds: Sequence[DueKind] = (DueKind.CHECKOUT, DueKind.REFUND, DueKind.BILL),
    keep_going: Callable[[], bool] = lambda: True,
    dry_run: bool = False,
) -> Counter[str]:
    """Claims what is due and puts it on the queue; the tally counts `due` and `enqueued`.

    No more renewals wait on the queue than the gateway can charge within a claim, or claims would
    end there and be taken again; the rest stays due and comes first next time. Checkouts and
    refunds, for which people wait, have room of their own. Each run begins with another shard of a
    kind, and goes round. A replayed sweep finds the claims in force and takes nothing twice.
    """
    tally: Counter[str] = Counter()
    most = ports.operation.gateway_calls_per_second * ports.operation.lease_seconds // 2
    for_people = for_renewals = most
    asked_queue = False
    until = now + ports.operation.lease
    for kind, shard in _pairs(ports, kinds, now):
        if not keep_going():
            return tally
        room = for_renewals if kind is DueKind.BILL else for_people
        rows = ports.store.due(kind, shard, now, room)
        tally["due"] += len(rows)
        if dry_run or not rows:
            continue
        if kind is DueKind.BILL and not asked_queue:
            for_renewals, asked_queue = max(0, for_renewals - ports.queue.waiting()), True
            room = for_renewals
        leases = ports.store.lease_each(rows[:room], until)
        if leases:  # the first use of the queue builds a client, a third of a cold start
            ports.queue.send(leases)
        tally["enqueued"] += len(leases)
        for_renewals = max(0, for_renewals - len(leases))
        for_people -= 0 if kind is DueKind.BILL else len(leases)
    return tally


def _pairs(ports: Ports, kinds: Sequence[DueKind], now: datetime) -> list[tuple[DueKind, int]]:
    """Lists each shard of each kind in turn.

    With every tick another shard comes first, and once all of them were first, another kind.
    """
    shards = range(ports.operation.shards)
    return [
        (kind, shard)
        for kind in rotated(kinds, now, EVERY * len(shards))
        for shard in rotated(shards, now, EVERY)
    ]
