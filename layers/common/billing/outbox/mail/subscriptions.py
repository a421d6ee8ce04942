"""Mails of outbox events about a subscription itself: its plan, its end, what is to come (R-8)."""

from __future__ import annotations

from datetime import datetime

from billing.cancel.mail import letters as ending_letters
from billing.cards.mail import letters as card_letters
from billing.kernel import snapshots
from billing.kernel.customers import Customer
from billing.kernel.merchants import Merchant
from billing.kernel.outbox_events import EventKind, LeftOut, OutboxEvent
from billing.kernel.ports import Ports
from billing.kernel.snapshots import Snapshot
from billing.kernel.subscription import State, Subscription
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.notices import planned
from billing.notices.mail import letters as reminder_letters
from billing.outbox import outdated
from billing.outbox.mail import envelopes, payments, portal_links
from billing.outbox.mail.envelopes import Mails
from billing.plans.mail import letters as plan_letters
from billing.refunds.flows import credit
from billing.render.mails import Envelope
from billing.tax.flows import upcoming

ENDINGS = {
    EventKind.ENDED: ending_letters.ended,
    EventKind.CANCEL_REQUESTED: ending_letters.cancel_requested,
}
"""The letters that say what becomes of the credit that is left (A-4)."""

LETTERS = {
    EventKind.CANCEL_UNDONE: ending_letters.cancel_undone,
    EventKind.PAUSED: ending_letters.paused,
    EventKind.RESUMED: ending_letters.resumed,
    EventKind.PLAN_ASKED: plan_letters.plan_asked,
    EventKind.FREEZE_ASKED: plan_letters.freeze_asked,
    EventKind.FREEZE_UNDONE: plan_letters.freeze_undone,
    EventKind.NEW_CARD_NEEDED: card_letters.new_card_needed,
    EventKind.RENEWAL_UPCOMING: reminder_letters.renewal_upcoming,
    EventKind.TRIAL_ENDING: reminder_letters.trial_ending,
    EventKind.PLAN_CHANGED: plan_letters.plan_changed,
    EventKind.IMPORTED: reminder_letters.imported,
}


def changed(ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime) -> Mails:
    """Returns the mail about a change of a subscription, or about a charge that is to come.

    None is sent once its customer was erased (M-8), or once it is untrue (R-8).
    """
    subscription, customer = subject_of(ports, event)
    if customer is None:
        return LeftOut.ERASED
    if outdated.of_subscription(event, subscription, now):
        _note_untold(ports, event, subscription)
        return LeftOut.UNTRUE
    was = _shown(event, subscription)
    envelope = envelope_of(ports, event, merchant, customer, subscription, was, now)
    if event.kind is EventKind.RENEWAL_UPCOMING and event.code == planned.PROOF:
        return [reminder_letters.renewal_prescribed(envelope, was)]
    if event.kind in ENDINGS:
        left = credit.in_mail(ports, merchant, subscription, event, was.credit_minor)
        return [ENDINGS[event.kind](envelope, was, left)]
    return [LETTERS[event.kind](envelope, was)]


def imported(ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime) -> Mails:
    """Returns the mail about a moved subscription, where its merchant wants one sent (M-6)."""
    if event.code is None:
        return LeftOut.NOBODY
    return changed(ports, event, merchant, now)


def card_expiring(ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime) -> Mails:
    """Returns the mail about the card that pays and expires soon (W-7)."""
    subscription, customer = subject_of(ports, event)
    if customer is None:
        return LeftOut.ERASED
    assert event.code is not None, "it names the card"
    card = ports.store.payment_method(event.merchant, event.customer, event.code)
    if card is None or outdated.of_card(event, subscription, card):
        return LeftOut.UNTRUE
    was = snapshots.of(subscription)
    envelope = envelope_of(ports, event, merchant, customer, subscription, was, now)
    return [card_letters.card_expiring(envelope, was, card)]


def plan_changed(ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime) -> Mails:
    """Returns the mail about a change of plan; a receipt where it was paid for (A-4)."""
    mail = changed if event.invoice is None else payments.receipt
    return mail(ports, event, merchant, now)


def subject_of(ports: Ports, event: OutboxEvent) -> tuple[Subscription, Customer | None]:
    """Returns the event's subscription, and its customer unless erased (M-8)."""
    assert event.subscription is not None, "its event names it"
    subscription = ports.store.subscription(event.merchant, event.customer, event.subscription)
    assert subscription is not None, "a subscription is never removed"
    customer = ports.store.customer(event.merchant, event.customer)
    return subscription, None if customer is None or customer.is_erased else customer


def _note_untold(ports: Ports, event: OutboxEvent, subscription: Subscription) -> None:
    """Notes that the mail about a freeze is left out for an end that may be undone (X-5, A-5)."""
    pending = subscription.state is State.CANCEL_PENDING and subscription.thaws_to is not None
    if event.kind is not EventKind.FREEZE_ASKED or not pending or subscription.freeze_untold:
        return
    noted = replace(subscription, freeze_untold=True)
    # Undone meanwhile, it is true again: the conflict brings the event back.
    ports.store.commit(Change(subscription, noted, expecting=("state", "thaws_to")))


def _shown(event: OutboxEvent, subscription: Subscription) -> Snapshot:
    """Returns the snapshot that a mail shows: as of the event, or as of now for a mail sent
    ahead."""
    if event.was is not None and event.kind not in outdated.AHEAD:
        return event.was
    asked = event.kind is EventKind.PLAN_ASKED
    return snapshots.of(subscription.renewing() if asked else subscription)


def envelope_of(
    ports: Ports,
    event: OutboxEvent,
    merchant: Merchant,
    customer: Customer,
    subscription: Subscription,
    was: Snapshot,
    now: datetime,
) -> Envelope:
    about = envelopes.about_subscription(ports, subscription, customer)
    coming = upcoming.as_it_was(ports, merchant, subscription, was, now=now)
    way_in = portal_links.way_in(ports, merchant, customer, subscription.id, now, subscription)
    return envelopes.to_customer(ports, event, merchant, customer, about, now, coming, way_in)


MAILS = {
    **dict.fromkeys({**ENDINGS, **LETTERS}, changed),
    EventKind.PLAN_CHANGED: plan_changed,
    EventKind.CARD_EXPIRING: card_expiring,
    EventKind.IMPORTED: imported,
}
