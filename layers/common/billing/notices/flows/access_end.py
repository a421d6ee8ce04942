"""Brings the look at a subscription forward to where its access ends by time alone (M-5).

Only for merchants whose events are read: others have no write more for it.
"""

from __future__ import annotations

from contextlib import suppress

from billing.kernel.errors import Conflict
from billing.kernel.merchants import Merchant
from billing.kernel.outbox_events import OutboxEvent
from billing.kernel.ports import Ports
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.notices.reminders import access_ends_at


def watch(ports: Ports, event: OutboxEvent, merchant: Merchant) -> None:
    """Moves the reminder of an event's subscription to the end of its access, if that is earlier.

    A look that comes between has seen the end by itself.
    """
    if event.subscription is None:
        return
    subscription = ports.store.subscription(event.merchant, event.customer, event.subscription)
    if subscription is None or not subscription.is_live:
        return
    ends_at = access_ends_at(subscription, merchant.settings)
    if ends_at is None:
        return
    reminder = ports.store.reminder(event.merchant, event.customer, event.subscription)
    if reminder is None or reminder.access_told == ends_at:
        return
    if reminder.due_at is not None and reminder.due_at <= ends_at:
        return
    with suppress(Conflict):
        ports.store.commit(Change(reminder, replace(reminder, due_at=ends_at)))
