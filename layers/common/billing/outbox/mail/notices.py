"""Mails of notices: prices, ends of discounts and pauses, yearly reminders (X-12)."""

from __future__ import annotations

from datetime import datetime

from billing.cancel import pausing
from billing.kernel import snapshots
from billing.kernel.merchants import Merchant
from billing.kernel.outbox_events import EventKind, LeftOut, OutboxEvent
from billing.kernel.ports import Ports
from billing.kernel.values import replace
from billing.notices.flows import proofs
from billing.notices.mail import letters
from billing.outbox import outdated
from billing.outbox.mail import subscriptions
from billing.outbox.mail.envelopes import Mails


def noticed(ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime) -> Mails:
    """Returns the mail of a notice, as things stand; none once it is untrue (R-8)."""
    found, customer = subscriptions.subject_of(ports, event)
    if customer is None:
        return LeftOut.ERASED
    if outdated.of_subscription(event, found, now):
        return LeftOut.UNTRUE
    if event.kind is EventKind.PRICE_CHANGING:
        found = proofs.mailed(ports, found, now)
    change, resumes_at = found.price_change, found.resumes_at
    if event.kind is EventKind.PAUSE_ENDING and resumes_at is not None:
        found = pausing.resume(found, resumes_at)
    was = snapshots.of(found)
    if event.kind is EventKind.PRICE_KEPT and event.was is not None:
        was = event.was
    envelope = subscriptions.envelope_of(ports, event, merchant, customer, found, was, now)
    match event.kind:
        case EventKind.PROMOTION_ENDING:
            return [letters.promotion_ending(envelope, was, _about(event))]
        case EventKind.YEARLY_REMINDER:
            return [letters.yearly_reminder(envelope, was)]
        case EventKind.PAUSE_ENDING:
            assert resumes_at is not None, "left out where it is over"
            return [letters.pause_ending(envelope, was, resumes_at)]
        case EventKind.PRICE_KEPT:
            return [letters.price_kept(envelope, was)]
    assert change is not None, "left out where it was taken back"
    told = replace(found, price_change=replace(change, told_at=change.told_at or event.at))
    at = told.new_price_at(now)
    assert at is not None, "what recurs has something to come"
    old, new, consent = found.terms.price, change.price, change.needs_consent
    return [letters.price_changing(envelope, was, at, old, new, consent=consent)]


def _about(event: OutboxEvent) -> datetime:
    """Returns the instant that a notice announces: it is part of the event's name."""
    return datetime.fromisoformat(event.id.split(":", 1)[1].rpartition(":")[0])


MAILS = dict.fromkeys(
    (
        EventKind.PROMOTION_ENDING,
        EventKind.YEARLY_REMINDER,
        EventKind.PRICE_CHANGING,
        EventKind.PRICE_KEPT,
        EventKind.PAUSE_ENDING,
    ),
    noticed,
)
