"""Measures how long the oldest undelivered outbox event has waited (R-8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from billing.kernel.merchants import Merchant
from billing.kernel.outbox_events import OutboxEvent
from billing.kernel.ports import Ports
from billing.outbox.flows.consume import waits

LATE_AFTER = timedelta(minutes=10)
"""The age from which an event counts: by then stream and sweep have both had their turn."""

PAGE = 50
READ_AT_MOST = 1_000
"""The most late events that are read of one shard; more of them wait for disarmed merchants only in
a copy of a deployment."""


def measure(ports: Ports, *, now: datetime) -> Counter[str]:
    """Returns the age in seconds of the oldest event that is late; 0 if none is.

    What waits for a disarmed merchant is not late (W-5).
    """
    merchants: dict[str, Merchant | None] = {}
    oldest = now
    for shard in range(ports.operation.shards):
        for event in _late(ports, shard, now):
            if event.merchant not in merchants:
                merchants[event.merchant] = ports.store.merchant(event.merchant)
            merchant = merchants[event.merchant]
            if merchant is None or not waits(ports, event, merchant):
                oldest = min(oldest, event.at)
                break
    return Counter(age_seconds=int((now - oldest).total_seconds()))


def _late(ports: Ports, shard: int, now: datetime) -> Iterator[OutboxEvent]:
    """Yields the late events of a shard, oldest first."""
    last: OutboxEvent | None = None
    for _ in range(READ_AT_MOST // PAGE):
        found = ports.store.undelivered(shard, now - LATE_AFTER, PAGE, after=last)
        yield from found
        if len(found) < PAGE:
            return
        last = found[-1]
