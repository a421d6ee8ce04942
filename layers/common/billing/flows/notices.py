"""Mails about a customer rather than a payment: links, changes, disputes, and refunds that came
back (B-3, W-4, B-7)."""

from __future__ import annotations

from datetime import datetime
from email.message import EmailMessage

from billing.customers import BillTo, Customer
from billing.facts import Fact, FactKind
from billing.flows import invoices, login
from billing.merchants import Merchant
from billing.ports import Ports
from billing.render import mails, merchant_mails, portal_mails
from billing.render.messages import MERCHANTS_LANGUAGE

DISPUTES = frozenset({FactKind.DISPUTE_OPENED, FactKind.DISPUTE_WON, FactKind.DISPUTE_LOST})
KINDS = DISPUTES | {
    FactKind.LINK_ASKED,
    FactKind.DETAILS_CHANGED,
    FactKind.REFUND_RETURNED,
}


def messages(ports: Ports, fact: Fact, merchant: Merchant, now: datetime) -> list[EmailMessage]:
    """What is mailed of such a fact; nothing where a stranger asked for a link."""
    customer = ports.store.customer(fact.merchant, fact.customer)
    if customer is None:
        return []
    if fact.kind in DISPUTES:
        return [_of_dispute(ports, fact, merchant, customer, now)]
    if fact.kind is FactKind.REFUND_RETURNED:
        return _of_returned(ports, fact, merchant, customer, now)
    to_customer = _envelope(ports, fact.id, merchant, customer, now)
    if fact.kind is FactKind.LINK_ASKED:
        url = login.make_link(ports, merchant, customer, now=now)
        return [portal_mails.entry_link(to_customer, url)]
    assert fact.code is not None, "it says what was changed"
    return [portal_mails.details_changed(to_customer, fact.code, _product(ports, fact))]


def _of_dispute(
    ports: Ports, fact: Fact, merchant: Merchant, customer: Customer, now: datetime
) -> EmailMessage:
    """To the merchant; the customer hears of it from the bank."""
    history = ports.store.history(fact.merchant, fact.customer)
    chargeback = next(each for each in history.chargebacks if each.id == fact.code)
    invoice = next(each for each in history.invoices if each.id == fact.invoice)
    envelope = _to_merchant(ports, fact.id, merchant, customer, invoice.test, now)
    return merchant_mails.dispute(envelope, fact.kind.value, chargeback, invoice)


def _of_returned(
    ports: Ports, fact: Fact, merchant: Merchant, customer: Customer, now: datetime
) -> list[EmailMessage]:
    """To the customer and to the merchant, who has to find another way; its credit note is named,
    and so numbered first (M-7)."""
    assert fact.invoice is not None and fact.code is not None, "it names the refund"
    invoice = invoices.numbered(ports, fact.merchant, fact.customer, fact.invoice)
    refund = invoices.numbered_refund(ports, invoice, fact.code)
    to_customer = mails.Envelope(
        merchant,
        invoice.bill_to,
        invoice.language,
        invoice.test,
        ports.operation.sender,
        fact.id,
        now,
    )
    name = f"{fact.id}:merchant"
    to_merchant = _to_merchant(ports, name, merchant, customer, invoice.test, now)
    return [
        merchant_mails.refund_came_back(to_merchant, invoice, refund),
        mails.refund_returned(to_customer, invoice, refund),
    ]


def _to_merchant(
    ports: Ports, fact: str, merchant: Merchant, customer: Customer, test: bool, now: datetime
) -> mails.Envelope:
    to = BillTo(merchant.name, merchant.email, customer.address)
    sender = ports.operation.sender
    return mails.Envelope(merchant, to, MERCHANTS_LANGUAGE, test, sender, fact, now)


def _envelope(
    ports: Ports, fact: str, merchant: Merchant, customer: Customer, now: datetime
) -> mails.Envelope:
    to = BillTo(customer.name, customer.email, customer.address)
    sender = ports.operation.sender
    return mails.Envelope(merchant, to, customer.language, customer.test, sender, fact, now)


def _product(ports: Ports, fact: Fact) -> str | None:
    if fact.subscription is None:
        return None
    found = ports.store.subscription(fact.merchant, fact.customer, fact.subscription)
    return None if found is None else found.product_name
