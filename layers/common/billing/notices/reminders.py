"""The next look at a subscription for its notices, and what was sent already (R-8, X-12).

A reminder is stored beside its subscription and looked at now and then; what is to be sent is
planned from the subscription as it stands at that moment (`planned`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar

from billing.kernel import snapshots
from billing.kernel.customers import PaymentMethod
from billing.kernel.due import DueKind
from billing.kernel.merchants import Settings
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.periods import zone_named
from billing.kernel.price_changes import PriceChange
from billing.kernel.subscription import Subscription
from billing.kernel.values import Value, replace
from billing.kernel.writes import Change, Entity, Write

LOOK_AGAIN = timedelta(days=28)
"""The longest time between two looks: the plan may have become another one, and with it the next
charge."""

NOTED_IN = {
    EventKind.TRIAL_ENDING: "told_of",
    EventKind.RENEWAL_UPCOMING: "told_of",
    EventKind.PROMOTION_ENDING: "promotion_told_of",
    EventKind.YEARLY_REMINDER: "reminded_of",
    EventKind.PAUSE_ENDING: "resume_told_of",
}
"""The field of a reminder with the last cause of each kind of notice; that of a price is its
subscription's."""

MAILED_AGAIN = 5
"""The most events that a reminder keeps to be mailed again; older ones are told to all again."""

PRICE_AS_READ = ("price_change", "period", "state")
"""The fields of a subscription that the announcement of a price rests on."""


class Promotion(Value):
    """A discount that ends: `ends_at` is the first payment without it, `since` the first look that
    found it."""

    coupon: str
    since: datetime
    ends_at: datetime


class Expected(Value):
    """A notice that the last look planned: the name of its event, and when its window closes."""

    event: str
    closes_at: datetime


class Reminder(Entity):
    """The next look at a subscription for notices, and the last cause of each kind that was sent.

    `told_of` is a charge, `promotion_told_of` the end of a discount, `reminded_of` an anniversary,
    `resume_told_of` the end of a pause, `access_told` the last end of access that was logged (M-5).
    `expected` are the notices that are not sent yet: what is still there when its window has closed
    was missed (X-12). `to_mail_again` are the events of those whose mail went nowhere:
    everybody but their reader was told.
    """

    due_kind: ClassVar[DueKind] = DueKind.NOTICE

    merchant: str
    customer: str
    subscription: str
    shard: int
    due_at: datetime | None
    told_of: datetime | None = None
    access_told: datetime | None = None
    promotion: Promotion | None = None
    promotion_told_of: datetime | None = None
    reminded_of: datetime | None = None
    resume_told_of: datetime | None = None
    expected: tuple[Expected, ...] = ()
    to_mail_again: tuple[str, ...] = ()


def first(subscription: Subscription) -> Reminder:
    """Makes a reminder for the next sweep, which knows the merchant's settings."""
    return Reminder(
        subscription.merchant,
        subscription.customer,
        subscription.id,
        subscription.shard,
        subscription.started_at,
    )


def told(reminder: Reminder, kind: EventKind, about: datetime) -> Reminder:
    """Notes the cause of a notice of a kind, so that it is sent of it once."""
    field = NOTED_IN.get(kind)
    cause: dict[str, Any] = {} if field is None else {field: about}
    return replace(reminder, **cause)


def untold(reminder: Reminder, event: str) -> Reminder:
    """Takes back that a notice was sent, so that a look sends it again; one of another cause that
    was sent since stays.

    The notice of a payment may have told of the end of a discount too.
    """
    about, _, kind = event.partition(":")[2].rpartition(":")
    field = NOTED_IN.get(EventKind(kind))
    others = tuple(each for each in reminder.to_mail_again if each != event)
    again = replace(reminder, to_mail_again=(*others, event)[-MAILED_AGAIN:])
    if field is None:
        return again  # that a price was told of is its subscription's
    if getattr(reminder, field) != datetime.fromisoformat(about):
        return reminder
    causes: dict[str, Any] = {field: None}
    if field == "told_of" and reminder.promotion_told_of == reminder.told_of:
        causes["promotion_told_of"] = None
    return replace(again, **causes)


def due_by(reminder: Reminder, at: datetime) -> tuple[Write, ...]:
    """Returns the write that makes a reminder due at an instant; none where it is due before."""
    if reminder.due_at is not None and reminder.due_at <= at:
        return ()
    return (Change(reminder, replace(reminder, due_at=at)),)


def expiry_notice_at(method: PaymentMethod, zone: str) -> datetime | None:
    """Returns when the notice of a card's expiry is due: at the beginning of its last month, in the
    merchant's zone."""
    if method.expires_on is None:
        return None
    year, month = map(int, method.expires_on.split("-"))
    return datetime(year, month, 1, tzinfo=zone_named(zone))


def expiry_due_for_notice(
    subscription: Subscription, method: PaymentMethod, settings: Settings, now: datetime
) -> OutboxEvent | None:
    """Makes the OutboxEvent of the charged card's expiry, once for each card."""
    notice_at = expiry_notice_at(method, settings.time_zone)
    charges = subscription.is_live and subscription.next_charge_at is not None
    if notice_at is None or now < notice_at or method.expiry_told or not charges:
        return None
    name = expiry_name(method)
    return event(EventKind.CARD_EXPIRING, name, subscription, now, code=method.id)


def expiry_name(method: PaymentMethod) -> str:
    """Returns the name of a card expiry's event; a card that expires later has another one."""
    return f"{method.id}:{method.expires_on}"


def price_name(subscription: Subscription, change: PriceChange) -> str:
    """Returns the name of an announced price's event, however often it is told."""
    return f"{subscription.id}:{change.id}"


def access_ends_at(subscription: Subscription, settings: Settings) -> datetime | None:
    """Returns when access ends by time alone: after a pause's period or a grace, or with a freeze
    (R-5)."""
    if subscription.ends_at is not None:
        return None  # the end is an event of its own
    ends = (subscription.access_until, subscription.grace_ends_at(settings.grace_days))
    return min((end for end in ends if end is not None), default=None)


def event(
    kind: EventKind,
    name: str,
    subscription: Subscription,
    now: datetime,
    *,
    code: str | None = None,
    until: datetime | None = None,
) -> OutboxEvent:
    """Builds the event of a notice, whose window closes at `until`; the same notice has the same
    id."""
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
        until=until,
    )
