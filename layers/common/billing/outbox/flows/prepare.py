"""Prepares several outbox events of a merchant at once, before each is handed to its consumers.

Nothing depends on it: what could not be prepared is done for each event by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from billing.kernel.merchants import Merchant
from billing.kernel.outbox_events import OutboxEvent
from billing.kernel.ports import Consumer, Ports
from billing.outbox.flows import consume
from billing.outbox.lines import is_claimed
from billing.runtime import telemetry


def together(ports: Ports, events: Sequence[OutboxEvent], *, now: datetime) -> None:
    """Prepares the events of each merchant who has several that may be delivered."""
    theirs: dict[str, list[OutboxEvent]] = defaultdict(list)
    for event in events:
        if not is_claimed(event, now):
            theirs[event.merchant].append(event)
    for merchant, several in theirs.items():
        if len(several) > 1:
            try:
                _prepare(ports, merchant, several, now)
            except Exception as error:
                # An error of our own shows again in the consumer, with the event that it is about.
                telemetry.happened("not prepared", merchant=merchant, why=type(error).__name__)


def _prepare(ports: Ports, merchant_id: str, events: Sequence[OutboxEvent], now: datetime) -> None:
    preparing = [each for each in ports.consumers() if each.prepare is not None]
    if not any(event.kind in each.kinds for each in preparing for event in events):
        return
    merchant = ports.store.merchant(merchant_id)
    assert merchant is not None, "a merchant is never removed"
    for consumer in preparing:
        taken = [event for event in events if _takes(ports, consumer, event, merchant)]
        if consumer.prepare is not None and len(taken) > 1:
            consumer.prepare(ports, taken, merchant, now)


def _takes(ports: Ports, consumer: Consumer, event: OutboxEvent, merchant: Merchant) -> bool:
    return consumer.takes(event, merchant) and not consume.waits(ports, event, merchant)
