"""Mails of outbox events about a payment or refund; its document is numbered first (M-7, R-8)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from email.message import EmailMessage

from billing.invoices.flows import documents
from billing.kernel import snapshots
from billing.kernel.customers import Customer
from billing.kernel.invoices import Invoice
from billing.kernel.merchants import Merchant
from billing.kernel.outbox_events import EventKind, LeftOut, OutboxEvent
from billing.kernel.ports import Ports
from billing.kernel.snapshots import Snapshot
from billing.outbox import outdated
from billing.outbox.mail import envelopes, portal_links
from billing.outbox.mail.envelopes import Mails
from billing.rebill.mail import letters
from billing.refunds.mail import letters as refund_letters
from billing.render.mails import Envelope
from billing.tax.flows import upcoming


def refunded(ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime) -> Mails:
    """Returns the mail about a refund, with its credit note."""
    invoice, customer = _numbered(ports, event, merchant)
    assert event.code is not None, "it names the refund"
    refund = documents.numbered_refund(ports, merchant, invoice, event.code)
    if customer is None:
        return LeftOut.ERASED
    about = envelopes.about_invoice(invoice)
    way_in = portal_links.way_in(ports, merchant, customer, invoice.purchase, now, invoice)
    envelope = envelopes.to_customer(ports, event, merchant, customer, about, now, None, way_in)
    credit_note = documents.credit_note(ports, merchant, invoice, refund)
    return [refund_letters.refunded(envelope, invoice, refund, pdf=credit_note)]


def confirmation(ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime) -> Mails:
    """Returns the order confirmation of a purchase, with its invoice (C-3)."""
    return _with_invoice(ports, event, merchant, now, letters.confirmation)


def receipt(ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime) -> Mails:
    """Returns the receipt of a renewal or of a change of plan, with its invoice."""
    return _with_invoice(ports, event, merchant, now, letters.receipt)


def payment_failed(ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime) -> Mails:
    """Returns the mail about a declined payment, with a link to add another card (R-4)."""

    return _of_payment(ports, event, merchant, now, letters.payment_failed)


def action_needed(ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime) -> Mails:
    """Returns the mail about a payment that the customer has to confirm at the bank (R-4)."""

    def write(envelope: Envelope, invoice: Invoice, was: Snapshot | None) -> EmailMessage:
        url = documents.payment_link(ports, merchant, invoice)
        return letters.action_needed(envelope, invoice, was, url)

    return _of_payment(ports, event, merchant, now, write)


def _with_invoice(
    ports: Ports,
    event: OutboxEvent,
    merchant: Merchant,
    now: datetime,
    write: Callable[..., EmailMessage],
) -> Mails:
    """Returns the mail that `write` makes of a paid invoice, with its PDF and a link to it."""

    def attached(envelope: Envelope, invoice: Invoice, was: Snapshot | None) -> EmailMessage:
        url = documents.link(ports, merchant, invoice)
        pdf = documents.pdf(ports, merchant, invoice)
        return write(envelope, invoice, was, invoice_url=url, pdf=pdf)

    return _of_payment(ports, event, merchant, now, attached)


def _of_payment(
    ports: Ports,
    event: OutboxEvent,
    merchant: Merchant,
    now: datetime,
    write: Callable[[Envelope, Invoice, Snapshot | None], EmailMessage],
) -> Mails:
    """Returns the mail that `write` makes of a payment.

    None is sent once its customer was erased (M-8), or once it is untrue (R-8).
    """
    invoice, customer = _numbered(ports, event, merchant)
    if customer is None:
        return LeftOut.ERASED
    subscription = (
        None
        if event.subscription is None
        else ports.store.subscription(event.merchant, event.customer, event.subscription)
    )
    if outdated.of_payment(event, invoice, subscription):
        return LeftOut.UNTRUE
    was = event.was
    if was is None and subscription is not None:
        was = snapshots.of(subscription)
    about = envelopes.about_invoice(invoice)
    coming = None
    if subscription is not None and was is not None:
        coming = upcoming.as_it_was(ports, merchant, subscription, was, now=now)
    way_in = portal_links.way_in(ports, merchant, customer, invoice.purchase, now, invoice)
    envelope = envelopes.to_customer(ports, event, merchant, customer, about, now, coming, way_in)
    return [write(envelope, invoice, was)]


def _numbered(
    ports: Ports, event: OutboxEvent, merchant: Merchant
) -> tuple[Invoice, Customer | None]:
    """Returns the event's invoice with its number, and its customer unless erased (M-8)."""
    assert event.invoice is not None, "a payment's event names its invoice"
    invoice = documents.numbered(ports, merchant, event.customer, event.invoice)
    customer = ports.store.customer(event.merchant, event.customer)
    return invoice, None if customer is None or customer.is_erased else customer


MAILS = {
    EventKind.PURCHASED: confirmation,
    EventKind.RENEWED: receipt,
    EventKind.PAYMENT_FAILED: payment_failed,
    EventKind.ACTION_NEEDED: action_needed,
    EventKind.REFUNDED: refunded,
}
