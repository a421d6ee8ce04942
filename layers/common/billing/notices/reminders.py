"""Rules for advance notices to customers: a renewal, the end of a trial, an expiring card (R-8).

A reminder is stored beside its subscription and looked at now and then; whether to send a notice is
decided from the subscription as it stands at that moment, so that no other write need keep it in
step.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from billing.kernel import snapshots
from billing.kernel.customers import PaymentMethod
from billing.kernel.due import DueKind
from billing.kernel.merchants import Settings
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.periods import Period, zone_named
from billing.kernel.subscription import State, Subscription
from billing.kernel.values import replace
from billing.kernel.writes import Entity

LOOK_AGAIN = timedelta(days=28)
"""The longest time between two looks: the plan may have become another one, and with it the next
charge."""

UNTOLD = frozenset({Period.WEEKLY, Period.EVERY_2_WEEKS})
"""Periods whose renewals come sooner than a month, and get no advance notice."""

TOLD = frozenset({State.TRIALING, State.ACTIVE, State.FROZEN})


class Reminder(Entity):
    """The next look at a subscription for advance notices; `told_of` is the last charge that a
    notice was sent for, `access_told` the last end of access that was logged (M-5)."""

    due_kind: ClassVar[DueKind] = DueKind.NOTICE

    merchant: str
    customer: str
    subscription: str
    shard: int
    due_at: datetime | None
    told_of: datetime | None = None
    access_told: datetime | None = None


def first(subscription: Subscription) -> Reminder:
    """Makes a reminder for the next sweep, which knows the merchant's settings."""
    return Reminder(
        subscription.merchant,
        subscription.customer,
        subscription.id,
        subscription.shard,
        subscription.started_at,
    )


def charge_notice_at(subscription: Subscription, reminder_days: int) -> datetime | None:
    """Returns when the notice of the next charge is due: some days ahead, but at most half of a
    trial (R-8)."""
    charge_at = subscription.next_charge_at
    if not reminder_days or charge_at is None or subscription.state not in TOLD:
        return None
    ahead = timedelta(days=reminder_days)
    if subscription.state is State.TRIALING:
        return charge_at - min(ahead, (charge_at - subscription.started_at) / 2)
    return None if subscription.renewing().terms.period in UNTOLD else charge_at - ahead


def expiry_notice_at(method: PaymentMethod, zone: str) -> datetime | None:
    """Returns when the notice of a card's expiry is due: at the beginning of its last month, in the
    merchant's zone."""
    if method.expires_on is None:
        return None
    year, month = map(int, method.expires_on.split("-"))
    return datetime(year, month, 1, tzinfo=zone_named(zone))


def charge_due_for_notice(
    reminder: Reminder, subscription: Subscription, settings: Settings, now: datetime
) -> OutboxEvent | None:
    """Makes the OutboxEvent of the coming charge, if its notice is due and was not sent."""
    notice_at = charge_notice_at(subscription, settings.reminder_days)
    charge_at = subscription.next_charge_at
    if notice_at is None or charge_at is None or not notice_at <= now < charge_at:
        return None
    if charge_at == reminder.told_of:
        return None
    trial = subscription.state is State.TRIALING
    kind = EventKind.TRIAL_ENDING if trial else EventKind.RENEWAL_UPCOMING
    return _event(kind, charge_name(subscription, charge_at), subscription, now)


def expiry_due_for_notice(
    subscription: Subscription, method: PaymentMethod, settings: Settings, now: datetime
) -> OutboxEvent | None:
    """Makes the OutboxEvent of the charged card's expiry, once for each card."""
    notice_at = expiry_notice_at(method, settings.time_zone)
    charges = subscription.is_live and subscription.next_charge_at is not None
    if notice_at is None or now < notice_at or method.expiry_told or not charges:
        return None
    name = expiry_name(method)
    return _event(EventKind.CARD_EXPIRING, name, subscription, now, code=method.id)


def charge_name(subscription: Subscription, charge_at: datetime) -> str:
    """Returns the name of a coming charge's event; a charge at another instant has another one."""
    return f"{subscription.id}:{charge_at.isoformat()}"


def expiry_name(method: PaymentMethod) -> str:
    """Returns the name of a card expiry's event; a card that expires later has another one."""
    return f"{method.id}:{method.expires_on}"


def access_ends_at(subscription: Subscription, settings: Settings) -> datetime | None:
    """Returns when access ends by time alone: after a pause's period or a grace, or with a freeze
    (R-5)."""
    if subscription.ends_at is not None:
        return None  # the end is an event of its own
    ends = (subscription.access_until, subscription.grace_ends_at(settings.grace_days))
    return min((end for end in ends if end is not None), default=None)


def postpone(
    reminder: Reminder,
    subscription: Subscription,
    method: PaymentMethod | None,
    settings: Settings,
    now: datetime,
    *,
    noticed: bool,
) -> Reminder:
    """Returns the reminder after a look: due again when a notice is due, or for the next check."""
    expiry = expiry_notice_at(method, settings.time_zone) if method else None
    instants: tuple[datetime | None, ...] = (
        charge_notice_at(subscription, settings.reminder_days),
        expiry,
    )
    instants += (access_ends_at(subscription, settings),)
    coming = [instant for instant in instants if instant is not None and instant > now]
    return replace(
        reminder,
        due_at=min([*coming, now + LOOK_AGAIN]),
        told_of=subscription.next_charge_at if noticed else reminder.told_of,
    )


def _event(
    kind: EventKind,
    name: str,
    subscription: Subscription,
    now: datetime,
    *,
    code: str | None = None,
) -> OutboxEvent:
    return OutboxEvent(
        id=f"{name}:{kind}",
        kind=kind,
        merchant=subscription.merchant,
        customer=subscription.customer,
        at=now,
        shard=subscription.shard,
        subscription=subscription.id,
        code=code,
        was=snapshots.of(subscription),
    )
