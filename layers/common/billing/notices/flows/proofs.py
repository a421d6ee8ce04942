"""Keeps the proof of a notice that a region asks for: its text, to whom, when (X-12).

Where it cannot be sent, or came back, it is noted as missed, and no price rises by it (P-18).
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
from billing.kernel.writes import Change, Insert, Write
from billing.notices import records, reminders
from billing.notices.records import NoticeRecord
from billing.notices.reminders import Expected
from billing.runtime import telemetry


def keep(
    ports: Ports, event: OutboxEvent, mail: EmailMessage, seen: str | None, now: datetime
) -> None:
    """Writes the proof of a mail that went out, once; other mails have none.

    `seen` is the mail service's id, None where the mail went out before and its proof could not be
    written then. It takes the place of the proof of one that came back. Raises `Conflict` where
    another writer was first.
    """
    if not records.is_proved(event):
        return
    body = mail.get_body(("plain",))
    text = "" if body is None else body.get_content()
    proof = records.of(event, str(mail["To"]), text, seen, now)
    try:
        ports.store.commit(Insert(proof))
    except Conflict:
        place = proof.merchant, proof.customer, proof.subscription, proof.event
        found = ports.store.notice_record(*place)
        if found is not None and found.returned_at is not None:
            ports.store.commit(Change(found, proof))


def withhold(ports: Ports, event: OutboxEvent) -> None:
    """Notes a notice that goes to an address which takes no mail; once, however often it is tried.

    Other mails are only left out.
    """
    if not records.is_proved(event):
        return
    assert event.subscription is not None, "a notice is about a subscription"
    found = ports.store.subscription(event.merchant, event.customer, event.subscription)
    assert found is not None, "a subscription is never removed"
    _untell(ports, found, event.id)
    expected = Expected(event.id, event.until or event.at)
    telemetry.happened("notice missed", owner=found.id, since=expected.closes_at.isoformat())
    with suppress(Conflict):  # it is there
        ports.store.commit(Insert(records.missed(found, expected, event.at)))


def came_back(
    ports: Ports, merchant: str, customer: str, event: str, message_id: str | None, at: datetime
) -> bool:
    """Notes that the mail of a notice came back, so that nobody was told by it; returns whether
    that is news.

    It is none where a report comes twice, or is of a mail that another has followed since. Who has
    no subscription any more misses nothing: the proof alone says it. `message_id` is None where
    only one mail can be meant.
    """
    place = merchant, customer, records.subscription_of(event), event
    for _ in range(subscriptions.ATTEMPTS):
        proof = ports.store.notice_record(*place)
        if proof is None or proof.returned_at is not None or not proof.is_of(message_id):
            return False
        found = ports.store.subscription(*place[:3])
        writes: list[Write] = []
        if found is not None and found.is_live:
            _untell(ports, found, event)
            writes = _missed(ports, found, proof, at)
        returned = Change(proof, replace(proof, returned_at=at), expecting=("message_id",))
        with suppress(Conflict):  # another report, or the next mail of it: what is so now?
            ports.store.commit(returned, *writes)
            return True
    raise Conflict()


def _missed(ports: Ports, found: Subscription, proof: NoticeRecord, at: datetime) -> list[Write]:
    """Returns the write that lets a notice ring that came back: again, if somebody has seen what
    was missed of it before; none where it rings."""
    expected = Expected(proof.event, proof.closes_at or proof.sent_at)
    telemetry.happened("notice missed", owner=found.id, since=expected.closes_at.isoformat())
    missed = records.missed(found, expected, at)
    known = ports.store.missed_notice(found.merchant, missed.id)
    if known is None:
        return [Insert(missed)]
    return [] if known.seen_at is None else [Change(known, missed, expecting=("due_at",))]


def _untell(ports: Ports, found: Subscription, event: str) -> None:
    """Takes back that a notice was told, so that a later look tells it."""
    subscriptions.decided(ports, found, lambda read: _take_back(ports, event, read))
    for _ in range(subscriptions.ATTEMPTS):
        reminder = ports.store.reminder(found.merchant, found.customer, found.id)
        if reminder is None or (after := reminders.untold(reminder, event)) == reminder:
            return
        with suppress(Conflict):  # a look came between
            ports.store.commit(Change(reminder, after))
            return
    raise Conflict()


def _take_back(ports: Ports, event: str, subscription: Subscription) -> None:
    """Takes back that the rise of an event was told, so that a later look tells it; a lower price
    stays."""
    change = subscription.price_change
    if change is None or change.told_at is None:
        return
    if event != f"{reminders.price_name(subscription, change)}:{EventKind.PRICE_CHANGING}":
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
