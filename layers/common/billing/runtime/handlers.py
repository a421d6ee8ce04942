"""Handles outbox events: sends their mails, or cancels a payment at the gateway (R-8)."""

from __future__ import annotations

from datetime import datetime
from email.message import EmailMessage

from billing.accounts.flows import account_life
from billing.accounts.mail import notices as account_notices
from billing.cards.flows import cards
from billing.customers.mail import notices as customer_notices
from billing.helpdesk.mail import notices as helpdesk_notices
from billing.invoices.flows import documents
from billing.kernel import domains, invoicing, snapshots
from billing.kernel.customers import Customer
from billing.kernel.errors import NotFound
from billing.kernel.flows import gateway_payments
from billing.kernel.invoices import Invoice
from billing.kernel.merchants import Merchant
from billing.kernel.money import Money
from billing.kernel.outbox_events import EventKind, LeftOut, OutboxEvent
from billing.kernel.ports import Ports
from billing.kernel.snapshots import Snapshot
from billing.kernel.subscription import Subscription
from billing.notices.mail import letters as reminder_letters
from billing.outbox import outdated, suppressions
from billing.refunds.flows import credit
from billing.render import mails
from billing.runtime import correlation, telemetry

Told = list[EmailMessage] | LeftOut


def tell(ports: Ports, fact: OutboxEvent, merchant: Merchant, now: datetime) -> LeftOut | None:
    """Handles one outbox event, mostly by mail; returns why no mail was sent, None if one was.

    Raises `Unavailable`, and any error of our own code.
    """
    account_life.heard(ports, fact)
    if fact.kind is EventKind.PURCHASED:
        cards.keep_once(ports, fact.merchant, fact.customer, now=now)
    credit.settle(ports, fact, merchant, now)
    if fact.kind is EventKind.PAYMENT_VOID:
        _withdraw(ports, fact)
        return None
    found = _messages(ports, fact, merchant, now)
    if isinstance(found, LeftOut):
        return found
    if not merchant.armed_in(ports.operation.environment):
        return LeftOut.DISARMED
    arriving = [message for message in found if _arrives(ports, fact, message)]
    for message in arriving:
        message["X-Merchant"] = merchant.id
        if (from_what := correlation.current()) is not None:
            message["X-Correlation-ID"] = from_what
        ports.mailer.send(message, now=now)
    return None if arriving else LeftOut.WITHHELD


def _arrives(ports: Ports, fact: OutboxEvent, message: EmailMessage) -> bool:
    """True if the address of a mail takes mail (R-8); a suppressed mail is logged, and is no
    error."""
    stops = [
        ports.store.mail_stop(fact.merchant, address.addr_spec)
        for address in message["To"].addresses
    ]
    sent = all(suppressions.may_be_sent(fact.kind, stop) for stop in stops)
    if not sent:
        telemetry.happened("mail withheld", message_id=str(message["Message-ID"]))
    return sent


def _messages(ports: Ports, fact: OutboxEvent, merchant: Merchant, now: datetime) -> Told:
    if fact.kind in account_notices.KINDS:
        return account_notices.messages(ports, fact, merchant, now)
    if fact.kind in customer_notices.KINDS:
        return customer_notices.messages(ports, fact, merchant, now)
    if fact.kind in helpdesk_notices.KINDS:
        return helpdesk_notices.messages(ports, fact, merchant, now)
    if fact.invoice is not None:
        return _about_payment(ports, fact, fact.invoice, merchant, now)
    return _about_subscription(ports, fact, merchant, now)


def _about_payment(
    ports: Ports, fact: OutboxEvent, named: str, merchant: Merchant, now: datetime
) -> Told:
    """Returns the mail about an invoice or refund; none to a customer who was erased (M-8).

    The invoice or credit note gets its number first, before anything shows it (M-7).
    """
    invoice = documents.numbered(ports, fact.merchant, fact.customer, named)
    refund = None
    if fact.kind is EventKind.REFUNDED:
        assert fact.code is not None, "it names the refund"
        refund = documents.numbered_refund(ports, invoice, fact.code)
    customer = ports.store.customer(fact.merchant, fact.customer)
    if customer is None or customer.is_erased:
        return LeftOut.ERASED
    stands = None if refund is not None else _subscription(ports, fact)
    if outdated.of_payment(fact, invoice, stands):
        return LeftOut.UNTRUE
    was = fact.was if fact.was is not None or stands is None else snapshots.of(stands)
    about = (invoice.language, invoice.test)
    envelope = _envelope(
        ports, fact, merchant, customer, about, _next_charge(ports, stands, was), now
    )
    if refund is not None:
        credit_note = documents.credit_note(merchant, invoice, refund)
        return [mails.refunded(envelope, invoice, refund, pdf=credit_note)]
    return [_of_payment(ports, fact, invoice, was, envelope)]


def _of_payment(
    ports: Ports,
    fact: OutboxEvent,
    invoice: Invoice,
    was: Snapshot | None,
    envelope: mails.Envelope,
) -> EmailMessage:
    merchant = envelope.merchant
    if fact.kind is EventKind.PAYMENT_FAILED:
        return mails.payment_failed(envelope, invoice, was, _portal_url(ports, merchant))
    if fact.kind is EventKind.ACTION_NEEDED:
        url = documents.payment_link(ports, merchant, invoice)
        return reminder_letters.action_needed(envelope, invoice, was, url)
    build = mails.confirmation if fact.kind is EventKind.PURCHASED else mails.receipt
    url, pdf = documents.link(ports, merchant, invoice), documents.pdf(ports, merchant, invoice)
    return build(envelope, invoice, was, invoice_url=url, pdf=pdf)


def _about_subscription(ports: Ports, fact: OutboxEvent, merchant: Merchant, now: datetime) -> Told:
    """Returns the mail about a subscription.

    None if its customer was erased meanwhile (M-8), or if it is untrue by now (R-8).
    """
    stands = _subscription(ports, fact)
    assert stands is not None, "its fact names it"
    customer = ports.store.customer(fact.merchant, fact.customer)
    if customer is None or customer.is_erased:
        return LeftOut.ERASED
    about = (stands.language, stands.test)
    if fact.kind is EventKind.CARD_EXPIRING:
        assert fact.code is not None, "it names the card"
        card = ports.store.payment_method(fact.merchant, fact.customer, fact.code)
        if card is None or outdated.of_card(fact, stands, card):
            return LeftOut.UNTRUE
        was, url = snapshots.of(stands), _portal_url(ports, merchant)
        coming = _next_charge(ports, stands, was)
        envelope = _envelope(ports, fact, merchant, customer, about, coming, now)
        return [reminder_letters.card_expiring(envelope, was, card, url)]
    if outdated.of_subscription(fact, stands, now):
        return LeftOut.UNTRUE
    was = _told_of(fact, stands)
    coming = _next_charge(ports, stands, was)
    envelope = _envelope(ports, fact, merchant, customer, about, coming, now)
    return [_ABOUT[fact.kind](envelope, was)]


def _told_of(fact: OutboxEvent, stands: Subscription) -> Snapshot:
    """Returns the snapshot that a mail shows: as of the event, or as of now for a mail sent
    ahead."""
    if fact.was is not None and fact.kind not in outdated.AHEAD:
        return fact.was
    return snapshots.of(stands.renewing() if fact.kind is EventKind.PLAN_ASKED else stands)


def _envelope(
    ports: Ports,
    fact: OutboxEvent,
    merchant: Merchant,
    customer: Customer,
    about: tuple[str, bool],
    next_charge: Money | None,
    now: datetime,
) -> mails.Envelope:
    """Returns the envelope of a mail to the customer's current email (B-12).

    `about` is the language of the mail's subject, such as an invoice, and whether that is a test.
    """
    language, test = about
    sender, to = ports.operation.sender, customer.contact
    return mails.Envelope(merchant, to, language, test, sender, fact.id, now, next_charge)


def _portal_url(ports: Ports, merchant: Merchant) -> str | None:
    open_to_customers = merchant.settings.portal is not None
    return domains.portal(ports.operation.public_url, merchant) if open_to_customers else None


def _withdraw(ports: Ports, fact: OutboxEvent) -> None:
    """Cancels a void invoice's payment at the gateway too, so that nobody can confirm it."""
    assert fact.invoice is not None, "a payment's fact names its invoice"
    invoice = ports.store.invoice(fact.merchant, fact.customer, fact.invoice)
    assert invoice is not None, "a fact names an invoice that stands"
    try:
        gateway_payments.withdraw(ports, invoice)
    except NotFound:
        return  # Its gateway account is gone, so nobody can confirm it here (W-6).


def _next_charge(
    ports: Ports, subscription: Subscription | None, was: Snapshot | None
) -> Money | None:
    """Returns the amount of the next payment, None if none was to come (A-4)."""
    if subscription is None or was is None or was.next_charge_at is None:
        return None
    minimum = ports.minimum_minor(subscription)
    return invoicing.less_credit(was.renewing_terms.price, was.credit_minor, minimum)


def _subscription(ports: Ports, fact: OutboxEvent) -> Subscription | None:
    if fact.subscription is None:
        return None
    return ports.store.subscription(fact.merchant, fact.customer, fact.subscription)


_ABOUT = {
    EventKind.ENDED: mails.ended,
    EventKind.CANCEL_REQUESTED: mails.cancel_requested,
    EventKind.CANCEL_UNDONE: mails.cancel_undone,
    EventKind.PAUSED: mails.paused,
    EventKind.RESUMED: mails.resumed,
    EventKind.PLAN_CHANGED: mails.plan_changed,
    EventKind.NEW_CARD_NEEDED: mails.new_card_needed,
    EventKind.PLAN_ASKED: mails.plan_asked,
    EventKind.FREEZE_ASKED: mails.freeze_asked,
    EventKind.FREEZE_UNDONE: mails.freeze_undone,
    EventKind.RENEWAL_UPCOMING: reminder_letters.renewal_upcoming,
    EventKind.TRIAL_ENDING: reminder_letters.trial_ending,
}
