"""Mails of outbox events about what a bank decided: chargebacks, and refunds that came back (W-4,
B-7)."""

from __future__ import annotations

from datetime import datetime

from billing.invoices.flows import documents
from billing.kernel.customers import Customer
from billing.kernel.invoices import Invoice
from billing.kernel.merchants import Merchant
from billing.kernel.outbox_events import EventKind, LeftOut, OutboxEvent
from billing.kernel.ports import Ports
from billing.outbox.mail import envelopes, portal_links
from billing.outbox.mail.envelopes import Mails
from billing.refunds import chargebacks
from billing.refunds.mail import letters, merchant_letters


def dispute(ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime) -> Mails:
    """Returns the mail to the merchant; the customer hears of a dispute from the bank."""
    assert event.invoice is not None, "it names the payment"
    owner = (event.merchant, event.customer)
    history = ports.store.payment(*owner, event.invoice)
    if history.customer is None:
        return LeftOut.NOBODY
    chargeback = next(each for each in ports.store.chargebacks(*owner) if each.id == event.code)
    if event.id != chargebacks.event_id(event.kind, chargeback):
        return LeftOut.UNTRUE  # It moved on; that has a mail of its own.
    invoice = next(each for each in history.invoices if each.id == event.invoice)
    envelope = envelopes.to_merchant(ports, event.id, merchant, history.customer, invoice.test, now)
    email = _reached(history.customer, invoice)
    kind = event.kind.value
    return [merchant_letters.dispute(envelope, kind, chargeback, invoice, email)]


def refund_returned(ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime) -> Mails:
    """Returns the mails of a returned refund, to the customer and to the merchant, who has to find
    another way; its credit note is named, and so numbered first (M-7)."""
    customer = ports.store.customer(event.merchant, event.customer)
    if customer is None:
        return LeftOut.NOBODY
    assert event.invoice is not None and event.code is not None, "it names the refund"
    invoice = documents.numbered(ports, merchant, event.customer, event.invoice)
    refund = documents.numbered_refund(ports, merchant, invoice, event.code)
    name = f"{event.id}:merchant"
    to_merchant = envelopes.to_merchant(ports, name, merchant, customer, invoice.test, now)
    email = _reached(customer, invoice)
    mails = [merchant_letters.refund_came_back(to_merchant, invoice, refund, email)]
    if customer.is_erased:
        return mails
    about = envelopes.about_invoice(invoice)
    way_in = portal_links.way_in(ports, merchant, customer, invoice.purchase, now, invoice)
    to_customer = envelopes.to_customer(ports, event, merchant, customer, about, now, None, way_in)
    return [*mails, letters.refund_returned(to_customer, invoice, refund)]


def _reached(customer: Customer, invoice: Invoice) -> str:
    """Returns the email by which the merchant reaches a customer, or the one on the invoice once
    erased."""
    return invoice.bill_to.email if customer.is_erased else customer.email


MAILS = {
    EventKind.DISPUTE_OPENED: dispute,
    EventKind.DISPUTE_WON: dispute,
    EventKind.DISPUTE_LOST: dispute,
    EventKind.REFUND_RETURNED: refund_returned,
}
