"""Finds the purchase of a mail's signed link, and limits what its holder does (R-8)."""

from __future__ import annotations

from datetime import datetime, timedelta

from billing.customers.flows import customer_view
from billing.customers.flows.customer_view import Account
from billing.customers.flows.login import digest
from billing.customers.purchases import Purchase
from billing.kernel import portal_links
from billing.kernel.customers import PaymentMethod
from billing.kernel.errors import NotFound, TooMany
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription
from billing.kernel.values import Value

WINDOW = timedelta(minutes=15)
ACTIONS_AT_MOST = 5
"""The most payments, and the most cards, that are tried by the links of one purchase in a
window."""


class Held(Value):
    """A purchase whose link somebody holds; `account` is for what they may do, not for showing."""

    account: Account
    purchase: Purchase

    @property
    def subscription(self) -> Subscription:
        """Returns the subscription that it is about; raises `NotFound` for a one-time purchase."""
        if self.purchase.subscription is None:
            raise NotFound("subscription_unknown")
        return self.purchase.subscription

    @property
    def method(self) -> PaymentMethod | None:
        """Returns what pays for it, or what paid for it last."""
        if self.purchase.method is not None or not self.purchase.payments:
            return self.purchase.method
        named = self.purchase.payments[0].order.invoice
        history = self.account.history
        paid_by = next((i.payment_method for i in history.invoices if i.id == named), None)
        methods = (*history.methods, *history.removed_methods)
        return next((method for method in methods if method.id == paid_by), None)


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
    found = (each for each in account.purchases if each.id == link.purchase)
    purchase = next(found, None)
    return None if purchase is None else Held(account, purchase)


def count(ports: Ports, held: Held, what: str, *, now: datetime) -> None:
    """Counts one more action by the links of a purchase; raises `TooMany`."""
    customer = held.account.customer
    name = digest(f"{customer.merchant}\n{customer.id}\n{held.purchase.id}")
    if ports.ephemeral.hit(f"mail_link_{what}", name, window=WINDOW, now=now) > ACTIONS_AT_MOST:
        raise TooMany()
