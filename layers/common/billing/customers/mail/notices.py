"""Mails about a customer rather than a payment: links, changes, disputes, and refunds that came
back (B-3, W-4, B-7)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from email.message import EmailMessage

from billing.customers.flows import login
from billing.customers.mail import letters
from billing.invoices.flows import documents
from billing.kernel.customers import BillTo, Customer
from billing.kernel.invoices import Invoice
from billing.kernel.merchants import Merchant
from billing.kernel.outbox_events import EventKind, LeftOut, OutboxEvent
from billing.kernel.ports import Ports
from billing.refunds import disputes
from billing.refunds.mail import merchant_letters
from billing.render import mails
from billing.render.messages import MERCHANTS_LANGUAGE

DISPUTES = frozenset({EventKind.DISPUTE_OPENED, EventKind.DISPUTE_WON, EventKind.DISPUTE_LOST})
KINDS = DISPUTES | {
    EventKind.LINK_ASKED,
    EventKind.DETAILS_CHANGED,
    EventKind.REFUND_RETURNED,
}


def messages(
    ports: Ports, fact: OutboxEvent, merchant: Merchant, now: datetime
) -> list[EmailMessage] | LeftOut:
    """Returns the mails of an OutboxEvent about a customer, or why none is sent."""
    customer = ports.store.customer(fact.merchant, fact.customer)
    if customer is None:
        return LeftOut.NOBODY  # Somebody who is no customer asked for a link.
    if fact.kind in DISPUTES:
        return _of_dispute(ports, fact, merchant, customer, now)
    if fact.kind is EventKind.REFUND_RETURNED:
        return _of_returned(ports, fact, merchant, customer, now)
    if customer.is_erased:
        return LeftOut.ERASED
    to_customer = _envelope(ports, fact.id, merchant, customer, now)
    if fact.kind is EventKind.LINK_ASKED:
        url = login.make_link(ports, merchant, customer, now=now)
        return [letters.entry_link(to_customer, url)]
    assert fact.code is not None, "it says what was changed"
    if fact.email is not None:
        # Not by name: the old address may be somebody else's by now.
        to_customer = replace(to_customer, to=BillTo(fact.email, fact.email, customer.address))
    return [letters.details_changed(to_customer, fact.code, _product(ports, fact))]


def _of_dispute(
    ports: Ports, fact: OutboxEvent, merchant: Merchant, customer: Customer, now: datetime
) -> list[EmailMessage] | LeftOut:
    """Returns the mail to the merchant; the customer hears of a dispute from the bank."""
    history = ports.store.history(fact.merchant, fact.customer)
    chargeback = next(each for each in history.chargebacks if each.id == fact.code)
    if fact.id != disputes.fact_id(fact.kind, chargeback):
        return LeftOut.UNTRUE  # It moved on; that has a mail of its own.
    invoice = next(each for each in history.invoices if each.id == fact.invoice)
    envelope = _to_merchant(ports, fact.id, merchant, customer, invoice.test, now)
    email = _reached(customer, invoice)
    return [merchant_letters.dispute(envelope, fact.kind.value, chargeback, invoice, email)]


def _of_returned(
    ports: Ports, fact: OutboxEvent, merchant: Merchant, customer: Customer, now: datetime
) -> list[EmailMessage]:
    """Returns the mails of a returned refund, to the customer and to the merchant, who has to find
    another way; its credit note is named, and so numbered first (M-7)."""
    assert fact.invoice is not None and fact.code is not None, "it names the refund"
    invoice = documents.numbered(ports, fact.merchant, fact.customer, fact.invoice)
    refund = documents.numbered_refund(ports, invoice, fact.code)
    name = f"{fact.id}:merchant"
    to_merchant = _to_merchant(ports, name, merchant, customer, invoice.test, now)
    email = _reached(customer, invoice)
    told = [merchant_letters.refund_came_back(to_merchant, invoice, refund, email)]
    if customer.is_erased:
        return told
    plain = _envelope(ports, fact.id, merchant, customer, now)
    to_customer = replace(plain, language=invoice.language, test=invoice.test)
    return [*told, mails.refund_returned(to_customer, invoice, refund)]


def _reached(customer: Customer, invoice: Invoice) -> str:
    """Returns the email by which the merchant reaches a customer, or the one on the invoice once
    erased."""
    return invoice.bill_to.email if customer.is_erased else customer.email


def _to_merchant(
    ports: Ports, fact: str, merchant: Merchant, customer: Customer, test: bool, now: datetime
) -> mails.Envelope:
    to = BillTo(merchant.name, merchant.email, customer.address)
    sender = ports.operation.sender
    return mails.Envelope(merchant, to, MERCHANTS_LANGUAGE, test, sender, fact, now)


def _envelope(
    ports: Ports, fact: str, merchant: Merchant, customer: Customer, now: datetime
) -> mails.Envelope:
    to, sender = customer.contact, ports.operation.sender
    return mails.Envelope(merchant, to, customer.language, customer.test, sender, fact, now)


def _product(ports: Ports, fact: OutboxEvent) -> str | None:
    if fact.subscription is None:
        return None
    found = ports.store.subscription(fact.merchant, fact.customer, fact.subscription)
    return None if found is None else found.product_name
