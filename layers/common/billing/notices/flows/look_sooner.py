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
from billing.kernel.subscription import Subscription
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
    which its event names one. Mail to another email may arrive.
    """
    if event.kind is EventKind.DETAILS_CHANGED:
        if event.code == "email":
            to_untold_prices(ports, event.merchant, event.customer, now)
        if event.code != "address":
            return
        bought = ports.store.subscriptions_of(event.merchant, event.customer)
        found = [_reminder_of(ports, each) for each in bought if each.is_live]
    else:
        found = [_reminder(ports, event)]
    for reminder in found:
        if reminder is not None:
            _bring_forward(ports, reminder, now)


def to_untold_prices(ports: Ports, merchant: str, customer: str, now: datetime) -> None:
    """Makes the reminders due of a customer's subscriptions whose price to come is not told of, as
    where mail came back."""
    for found in ports.store.subscriptions_of(merchant, customer):
        change = found.price_change
        if found.is_live and change is not None and change.told_at is None:
            reminder = _reminder_of(ports, found)
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


def _reminder_of(ports: Ports, subscription: Subscription) -> Reminder | None:
    return ports.store.reminder(subscription.merchant, subscription.customer, subscription.id)


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
