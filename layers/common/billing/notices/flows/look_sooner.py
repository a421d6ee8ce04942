"""Brings the next look at a subscription forward after a change that moves what is to come (X-12).

So a notice is planned by the new dates at once, and not at the look that was planned before.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from billing.kernel.errors import Conflict
from billing.kernel.merchants import Merchant
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.ports import Ports
from billing.kernel.values import replace
from billing.kernel.writes import Change

KINDS = frozenset(
    {
        EventKind.PLAN_CHANGED,
        EventKind.PLAN_ASKED,
        EventKind.PAUSED,
        EventKind.RESUMED,
        EventKind.CANCEL_UNDONE,
        EventKind.FREEZE_ASKED,
        EventKind.FREEZE_UNDONE,
        EventKind.DISPUTE_WON,
    }
)


def on_event(ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime) -> None:
    """Makes the reminder of an event's subscription due; an earlier look stays."""
    if event.subscription is None:
        return
    reminder = ports.store.reminder(event.merchant, event.customer, event.subscription)
    if reminder is None or reminder.due_at is None or reminder.due_at <= now:
        return
    with suppress(Conflict):  # a look that comes between has seen the change
        ports.store.commit(Change(reminder, replace(reminder, due_at=now)))
