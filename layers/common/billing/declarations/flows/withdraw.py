"""Finds what a withdrawal gives back: by the law of the buyer, and their consent (X-10, C-6)."""

from __future__ import annotations

from datetime import datetime, timedelta

from billing.cancel.regions import lookup
from billing.cancel.regions.rules import Duty
from billing.declarations import matching, withdrawal
from billing.declarations.declarations import Declaration, Reason
from billing.kernel.catalog import PriceType
from billing.kernel.invoices import Invoice
from billing.kernel.invoicing import first_invoice_id
from billing.kernel.orders import PAYMENTS, Order, OrderKind
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription
from billing.refunds import value

Plan = list[tuple[Order, int | None]]
ORDERS_MOST = 100
BEFORE = timedelta(microseconds=1)


def plan(ports: Ports, found: Declaration, about: list[Subscription]) -> Plan | Reason:
    """Returns the payments to give back, with how much of each, or why a person must decide."""
    assert found.customer is not None, "it is matched"
    if not about:
        return _one_time(ports, found)
    payments: Plan = []
    for each in about:
        part = _of_subscription(ports, found, each)
        if isinstance(part, Reason):
            return part
        payments += part
    return payments


def began_elsewhere(ports: Ports, about: list[Subscription]) -> bool:
    """Tests whether a first payment was made where its subscription was moved from, so that only a
    person can give it back (M-6)."""
    for each in about:
        first = ports.store.invoice(each.merchant, each.customer, first_invoice_id(each.id))
        if first is None or first.order_kind is not OrderKind.SALE:
            return True
    return False


def _of_subscription(ports: Ports, found: Declaration, bought: Subscription) -> Plan | Reason:
    refusal = _refusal(ports, found, bought.id, bought.started_at, bought.anchor.zone)
    if refusal is not None:
        return refusal
    owner = (found.merchant, bought.customer)
    since = bought.started_at - BEFORE
    page = ports.store.orders_of(*owner, limit=ORDERS_MOST, since=since)
    paid = matching.paid_since(page.data, bought.id, since, PAYMENTS)
    if page.next is not None:
        return Reason.REFUND
    in_proportion = _starts_at_once(ports, found, bought.id)
    if in_proportion and bought.terms.type is not PriceType.RECURRING:
        return Reason.CONSENT
    invoices = _invoices(ports, found, paid)
    if in_proportion and withdrawal.is_converted(invoices, bought.price_point):
        return Reason.REFUND
    return _amounts(found, paid, invoices, in_proportion=in_proportion)


def _one_time(ports: Ports, found: Declaration) -> Plan | Reason:
    """Returns the payment of a one-time purchase. With consent to an immediate start the right may
    be lost, which a person decides."""
    assert found.order is not None, "it names the purchase"
    order = ports.store.order_by_id(found.merchant, found.order)
    if order is None or order.kind not in PAYMENTS or order.invoice is None:
        return Reason.NO_PURCHASE
    merchant = ports.store.merchant(found.merchant)
    assert merchant is not None, "a merchant is never removed"
    purchase = order.invoice.rpartition(".")[0]
    refusal = _refusal(ports, found, purchase, order.at, merchant.settings.time_zone)
    if refusal is not None:
        return refusal
    if _starts_at_once(ports, found, purchase):
        return Reason.CONSENT
    return _amounts(found, [order], _invoices(ports, found, [order]), in_proportion=False)


def _refusal(
    ports: Ports, found: Declaration, purchase: str, bought_at: datetime, zone: str
) -> Reason | None:
    """Returns why the law gives no right to withdraw, or why nobody knows; None where it does."""
    assert found.customer is not None, "it is matched"
    (bill_to,) = ports.store.bill_tos([(found.merchant, found.customer, purchase)])
    country, state = found.country, found.home_state
    if bill_to is not None:
        address = bill_to.bill_to.address
        country, state = address.country, address.state
    rule = lookup.rule(country, state, found.at.date(), Duty.WITHDRAWAL)
    if rule is None or rule.days is None:
        return Reason.NO_RIGHT
    ends_at = value.window_ends_at(bought_at, rule.days, zone)
    return Reason.OVER if found.at >= ends_at else None


def _starts_at_once(ports: Ports, found: Declaration, purchase: str) -> bool:
    assert found.customer is not None, "it is matched"
    consent = ports.store.consent(found.merchant, found.customer, purchase)
    return consent is not None and consent.starts_at_once is not None


def _invoices(ports: Ports, found: Declaration, paid: list[Order]) -> list[Invoice]:
    assert found.customer is not None, "it is matched"
    named = [(found.merchant, found.customer, order.invoice or "") for order in paid]
    read = [each for each in ports.store.invoices(named) if each is not None]
    assert len(read) == len(paid), "a payment has one"
    return read


def _amounts(
    found: Declaration, paid: list[Order], invoices: list[Invoice], *, in_proportion: bool
) -> Plan | Reason:
    amounts: Plan = []
    for order, invoice in zip(paid, invoices, strict=True):
        owed = withdrawal.owed_minor(invoice, found.at, in_proportion=in_proportion)
        if owed is None:
            return Reason.CONSENT
        amounts.append((order, withdrawal.left_minor(invoice, owed)))
    return amounts
