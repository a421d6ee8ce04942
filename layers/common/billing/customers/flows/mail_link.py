"""Finds the purchase of a mail's signed link, and limits what its holder does (R-8)."""

from __future__ import annotations

from datetime import datetime, timedelta

from billing.customers.flows import customer_view
from billing.customers.flows.customer_view import Account
from billing.customers.flows.latest_payment import latest_payment
from billing.customers.flows.login import digest
from billing.customers.purchases import Purchase
from billing.kernel import invoicing, portal_links
from billing.kernel.customers import PaymentMethod
from billing.kernel.errors import NotFound, TooMany
from billing.kernel.invoices import Invoice
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription
from billing.kernel.values import Value

WINDOW = timedelta(minutes=15)
ACTIONS_AT_MOST = 5
"""The most payments, and the most cards, that are tried by the links of one purchase in a
window."""


class Held(Value):
    """A purchase whose link somebody holds; `account` is for what they may do, not for showing.

    `paid` is its latest payment.
    """

    account: Account
    purchase: Purchase
    paid: Invoice | None

    @property
    def subscription(self) -> Subscription:
        """Returns the subscription that it is about; raises `NotFound` for a one-time purchase."""
        if self.purchase.subscription is None:
            raise NotFound("subscription_unknown")
        return self.purchase.subscription

    @property
    def method(self) -> PaymentMethod | None:
        """Returns what pays for it, or what paid for it last."""
        if self.purchase.method is not None or self.paid is None:
            return self.purchase.method
        return self.account.history.method(self.paid.payment_method)


def find(ports: Ports, merchant: Merchant, reference: str, *, now: datetime) -> Held | None:
    """Returns the purchase of a link; None for anything but a link that we signed and that
    lives."""
    link = portal_links.parse(reference)
    if link is None or merchant.link_key is None or now >= link.expires_at:
        return None
    customer = ports.store.customer(merchant.id, link.customer)
    if customer is None or not portal_links.is_genuine(link, merchant.link_key, customer, now):
        return None
    account = customer_view.account(ports, merchant, customer.id, now=now)
    subscription = account.history.subscription(link.purchase)
    if subscription is not None:
        paid = latest_payment(ports, subscription)
    else:
        first = invoicing.first_invoice_id(link.purchase)
        paid = ports.store.invoice(merchant.id, customer.id, first)
        if paid is None or paid.settled_at is None:
            return None
    orders = () if paid is None or paid.settled_at is None else (paid.order(paid.settled_at),)
    if not orders:
        purchase, _ = account.purchase(link.purchase)
        return Held(account, purchase, None)
    return Held(account, customer_view.purchase_of(ports, account, orders, now), paid)


def count(ports: Ports, held: Held, what: str, *, now: datetime) -> None:
    """Counts one more action by the links of a purchase; raises `TooMany`."""
    customer = held.account.customer
    name = digest(f"{customer.merchant}\n{customer.id}\n{held.purchase.id}")
    if ports.ephemeral.hit(f"mail_link_{what}", name, window=WINDOW, now=now) > ACTIONS_AT_MOST:
        raise TooMany()
