"""Keeps the proof of a notice that a region asks for: its text, to whom, when (X-12).

Where it cannot be sent, it is noted as missed, and no price rises by it (P-18).
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from email.message import EmailMessage

from billing.kernel.errors import Conflict
from billing.kernel.flows import subscriptions
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.ports import Ports
from billing.kernel.price_changes import MAIL_MAY_TAKE, PriceChange
from billing.kernel.subscription import Subscription
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert
from billing.notices import records, reminders
from billing.notices.reminders import Expected
from billing.runtime import telemetry


def keep(
    ports: Ports, event: OutboxEvent, mail: EmailMessage, seen: str | None, now: datetime
) -> None:
    """Writes the proof of a mail that went out, once; other mails have none.

    `seen` is the mail service's id, None where the mail went out before and its proof could not be
    written then.
    """
    if not records.is_proved(event):
        return
    body = mail.get_body(("plain",))
    text = "" if body is None else body.get_content()
    address = str(mail["To"])
    with suppress(Conflict):  # it is there
        ports.store.commit(Insert(records.of(event, address, text, seen, now)))


def withhold(ports: Ports, event: OutboxEvent) -> None:
    """Notes a notice that goes to an address which takes no mail; once, however often it is tried.

    Other mails are only left out.
    """
    if not records.is_proved(event):
        return
    assert event.subscription is not None, "a notice is about a subscription"
    found = ports.store.subscription(event.merchant, event.customer, event.subscription)
    assert found is not None, "a subscription is never removed"
    if event.kind is EventKind.PRICE_CHANGING:
        subscriptions.decided(ports, found, lambda read: _take_back(ports, event, read))
    expected = Expected(event.id, event.until or event.at)
    telemetry.happened("notice missed", owner=found.id, since=expected.closes_at.isoformat())
    with suppress(Conflict):  # it is there
        ports.store.commit(Insert(records.missed(found, expected, event.at)))


def _take_back(ports: Ports, event: OutboxEvent, subscription: Subscription) -> None:
    """Takes back that the rise of an event was told, so that a later look tells it; a lower price
    stays."""
    change = subscription.price_change
    if change is None or change.id != event.code or change.told_at is None:
        return
    if change.rises_from(subscription.terms.price):
        _tell(ports, subscription, change, None)


def mailed(ports: Ports, subscription: Subscription, now: datetime) -> Subscription:
    """Returns a subscription whose price is told of by a mail of now: a rise counts from then on
    where its notice waited for longer than a mail may take (P-18).

    Raises `Conflict`, which brings the notice back.
    """
    change = subscription.price_change
    if change is None or not change.rises_from(subscription.terms.price):
        return subscription
    if change.told_at is not None and now - change.told_at <= MAIL_MAY_TAKE:
        return subscription
    return _tell(ports, subscription, change, now)


def _tell(
    ports: Ports, subscription: Subscription, change: PriceChange, at: datetime | None
) -> Subscription:
    told = replace(subscription, price_change=replace(change, told_at=at))
    ports.store.commit(Change(subscription, told, expecting=reminders.PRICE_AS_READ))
    return told
