"""What a fact of the outbox is told by: its mails, or a payment withdrawn at the gateway (R-8)."""

from __future__ import annotations

from datetime import datetime
from email.message import EmailMessage

from billing import domains, invoicing, mail_stops, reminders
from billing.customers import ERASED
from billing.errors import NotFound
from billing.facts import Fact, FactKind
from billing.flows import (
    account_life,
    account_notices,
    cards,
    charging,
    credit,
    invoices,
    notices,
    ticket_notices,
)
from billing.merchants import Merchant
from billing.money import Money
from billing.ports import Ports
from billing.render import mails, reminder_mails
from billing.runtime import correlation, telemetry
from billing.subscription import Subscription


def tell(ports: Ports, fact: Fact, merchant: Merchant, now: datetime) -> None:
    """Do what a fact of a merchant is told for: mostly mails, none where they may not go out or do
    not arrive.

    Raises `Unavailable`, and whatever our own code breaks by.
    """
    account_life.heard(ports, fact)
    if fact.kind is FactKind.PURCHASED:
        cards.keep_once(ports, fact.merchant, fact.customer, now=now)
    credit.settle(ports, fact, merchant, now)
    if fact.kind is FactKind.PAYMENT_VOID:
        _withdraw(ports, fact)
        return
    for message in _messages(ports, fact, merchant, now):
        if not merchant.armed_in(ports.operation.environment):
            return  # no mail goes out (W-5)
        if _arrives(ports, fact, message):
            message["X-Merchant"] = merchant.id
            if (from_what := correlation.current()) is not None:
                message["X-Correlation-ID"] = from_what
            ports.mailer.send(message, now=now)


def _arrives(ports: Ports, fact: Fact, message: EmailMessage) -> bool:
    """Whether its address takes mail (R-8); what is withheld is a line, not an error."""
    stops = [
        ports.store.mail_stop(fact.merchant, address.addr_spec)
        for address in message["To"].addresses
    ]
    sent = all(mail_stops.may_be_sent(fact.kind, stop) for stop in stops)
    if not sent:
        telemetry.happened("mail withheld", message_id=str(message["Message-ID"]))
    return sent


def _messages(ports: Ports, fact: Fact, merchant: Merchant, now: datetime) -> list[EmailMessage]:
    if fact.kind in account_notices.KINDS:
        return account_notices.messages(ports, fact, merchant, now)
    if fact.kind in notices.KINDS:
        return notices.messages(ports, fact, merchant, now)
    if fact.kind in ticket_notices.KINDS:
        return ticket_notices.messages(ports, fact, merchant, now)
    if fact.invoice is not None:
        return _about_payment(ports, fact, merchant, now)
    return _about_subscription(ports, fact, merchant, now)


def _about_payment(
    ports: Ports, fact: Fact, merchant: Merchant, now: datetime
) -> list[EmailMessage]:
    """A mail about an invoice, which is numbered before anything shows it (M-7); none to a buyer
    who was erased before they paid (M-8)."""
    assert fact.invoice is not None, "a payment's fact names its invoice"
    invoice = invoices.numbered(ports, fact.merchant, fact.customer, fact.invoice)
    if invoice.bill_to.email == ERASED:
        return []
    subscription = _subscription(ports, fact)
    envelope = mails.Envelope(
        merchant,
        invoice.bill_to,
        invoice.language,
        invoice.test,
        ports.operation.sender,
        fact.id,
        now,
        _next_charge(ports, subscription),
    )
    if fact.kind is FactKind.PAYMENT_FAILED:
        return [mails.payment_failed(envelope, invoice, subscription, _portal_url(ports, merchant))]
    if fact.kind is FactKind.ACTION_NEEDED:
        url = invoices.payment_link(ports, merchant, invoice)
        return [reminder_mails.action_needed(envelope, invoice, subscription, url)]
    if fact.kind is FactKind.REFUNDED:
        assert fact.code is not None, "it names the refund"
        refund = invoices.numbered_refund(ports, invoice, fact.code)
        credit_note = invoices.credit_note(merchant, invoice, refund)
        return [mails.refunded(envelope, invoice, refund, pdf=credit_note)]
    build = mails.confirmation if fact.kind is FactKind.PURCHASED else mails.receipt
    url, pdf = invoices.link(ports, merchant, invoice), invoices.pdf(ports, merchant, invoice)
    return [build(envelope, invoice, subscription, invoice_url=url, pdf=pdf)]


def _about_subscription(
    ports: Ports, fact: Fact, merchant: Merchant, now: datetime
) -> list[EmailMessage]:
    """A mail about a subscription; nothing where its customer was erased meanwhile (M-8), or where
    what it tells ahead does not come any more (R-8)."""
    subscription = _subscription(ports, fact)
    assert subscription is not None, "its fact names it"
    (found,) = ports.store.bill_tos([(fact.merchant, fact.customer, subscription.id)])
    ahead = fact.kind in {FactKind.RENEWAL_UPCOMING, FactKind.TRIAL_ENDING}
    if found is None or (ahead and subscription.next_charge_at is None):
        return []
    envelope = mails.Envelope(
        merchant,
        found.bill_to,
        subscription.language,
        subscription.test,
        ports.operation.sender,
        fact.id,
        now,
        _next_charge(ports, subscription),
        _credit_left(fact, subscription),
    )
    if fact.kind is FactKind.CARD_EXPIRING:
        assert fact.code is not None, "it names the card"
        method = ports.store.payment_method(fact.merchant, fact.customer, fact.code)
        if method is None or not reminders.still_expires(fact, subscription, method):
            return []
        url = _portal_url(ports, merchant)
        return [reminder_mails.card_expiring(envelope, subscription, method, url)]
    return [_ABOUT[fact.kind](envelope, subscription)]


def _portal_url(ports: Ports, merchant: Merchant) -> str | None:
    open_to_customers = merchant.settings.portal is not None
    return domains.portal(ports.operation.public_url, merchant) if open_to_customers else None


def _withdraw(ports: Ports, fact: Fact) -> None:
    """A void invoice's payment is cancelled at the gateway too, so that nobody can confirm it."""
    assert fact.invoice is not None, "a payment's fact names its invoice"
    invoice = ports.store.invoice(fact.merchant, fact.customer, fact.invoice)
    assert invoice is not None, "a fact names an invoice that stands"
    try:
        charging.withdraw(ports, invoice)
    except NotFound:
        return  # Its account is gone, and so is who could confirm it here (W-6).


def _next_charge(ports: Ports, subscription: Subscription | None) -> Money | None:
    """The amount of the next payment, where one is to come (A-4)."""
    if subscription is None or subscription.next_charge_at is None:
        return None
    minimum = ports.minimum_minor(subscription)
    return invoicing.next_charge(subscription, minimum)


def _credit_left(fact: Fact, subscription: Subscription) -> Money | None:
    """What a subscription that ends leaves as credit (A-4)."""
    return (
        Money(fact.credit_minor, subscription.terms.price.currency) if fact.credit_minor else None
    )


def _subscription(ports: Ports, fact: Fact) -> Subscription | None:
    if fact.subscription is None:
        return None
    return ports.store.subscription(fact.merchant, fact.customer, fact.subscription)


_ABOUT = {
    FactKind.ENDED: mails.ended,
    FactKind.CANCEL_REQUESTED: mails.cancel_requested,
    FactKind.CANCEL_UNDONE: mails.cancel_undone,
    FactKind.PAUSED: mails.paused,
    FactKind.RESUMED: mails.resumed,
    FactKind.PLAN_CHANGED: mails.plan_changed,
    FactKind.NEW_CARD_NEEDED: mails.new_card_needed,
    FactKind.PLAN_ASKED: mails.plan_asked,
    FactKind.FREEZE_ASKED: mails.freeze_asked,
    FactKind.FREEZE_UNDONE: mails.freeze_undone,
    FactKind.RENEWAL_UPCOMING: reminder_mails.renewal_upcoming,
    FactKind.TRIAL_ENDING: reminder_mails.trial_ending,
}
