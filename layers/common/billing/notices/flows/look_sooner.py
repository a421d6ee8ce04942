"""Brings the next look at a subscription forward: to a change that moves what is to come (X-12), or
to the end of access that no event tells of (M-5).

So a notice is planned by the new dates at once, and not at the look that was planned before.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from billing.kernel.errors import Conflict
from billing.kernel.merchants import Merchant
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.ports import Ports
from billing.notices import records, reminders
from billing.notices.reminders import Reminder

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
        EventKind.DETAILS_CHANGED,
    }
)


def on_event(ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime) -> None:
    """Makes the reminder of an event's subscription due; an earlier look stays.

    Another address may be in a region with earlier notices: it is that of several subscriptions, of
    which its event names one. So is another email, to which mail may arrive where it did not.
    """
    if event.kind is EventKind.DETAILS_CHANGED:
        if event.code == "address" or _was_stopped(ports, event):
            to_each(ports, event.merchant, event.customer, now)
        return
    reminder = _reminder(ports, event)
    if reminder is not None:
        _bring_forward(ports, reminder, now)


def _was_stopped(ports: Ports, event: OutboxEvent) -> bool:
    """Tests whether a customer has another email than one that mail came back from."""
    if event.code != "email" or event.email is None:
        return False
    return ports.store.mail_stop(event.merchant, event.email) is not None


def to_each(ports: Ports, merchant: str, customer: str, now: datetime) -> None:
    """Makes the reminders due of a customer's live subscriptions."""
    for found in ports.store.subscriptions_of(merchant, customer):
        if found.is_live:
            reminder = ports.store.reminder(merchant, customer, found.id)
            if reminder is not None:
                _bring_forward(ports, reminder, now)


def to_one(ports: Ports, merchant: str, customer: str, event: str, at: datetime) -> None:
    """Makes the reminder of the subscription due that a notice's event is about."""
    reminder = ports.store.reminder(merchant, customer, records.subscription_of(event))
    if reminder is not None:
        _bring_forward(ports, reminder, at)


def to_end_of_access(ports: Ports, event: OutboxEvent, merchant: Merchant) -> None:
    """Makes the reminder of an event's subscription due where its access ends by time alone.

    Only for merchants whose events are read: others have no write more for it.
    """
    reminder = _reminder(ports, event)
    if reminder is None:
        return
    owner = reminder.merchant, reminder.customer, reminder.subscription
    subscription = ports.store.subscription(*owner)
    if subscription is None or not subscription.is_live:
        return
    ends_at = reminders.access_ends_at(subscription, merchant.settings)
    if ends_at is not None and reminder.access_told != ends_at:
        _bring_forward(ports, reminder, ends_at)


def _reminder(ports: Ports, event: OutboxEvent) -> Reminder | None:
    if event.subscription is None:
        return None
    return ports.store.reminder(event.merchant, event.customer, event.subscription)


def _bring_forward(ports: Ports, reminder: Reminder, at: datetime) -> None:
    """Looks at a subscription at an instant, unless a look comes before.

    A look that comes between has seen the change by itself.
    """
    writes = reminders.due_by(reminder, at)
    if writes:
        with suppress(Conflict):
            ports.store.commit(*writes)
