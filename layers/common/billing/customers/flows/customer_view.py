"""A merchant's customer with everything that belongs to them, for pages that they see (B-4)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from billing.customers import purchases
from billing.customers.purchases import Purchase
from billing.kernel.customers import Customer
from billing.kernel.errors import NotFound
from billing.kernel.invoices import Invoice
from billing.kernel.merchants import Merchant, SelfService
from billing.kernel.orders import Order
from billing.kernel.ports import Ports
from billing.kernel.storage import History
from billing.kernel.subscription import Subscription
from billing.kernel.values import Value


class Account(Value):
    """A customer of a merchant with everything that the portal shows.

    `refund_days` is the refund window of each product, empty where customers cannot ask.
    """

    merchant: Merchant
    customer: Customer
    history: History
    purchases: tuple[Purchase, ...]
    refund_days: Mapping[str, int]

    def purchase(self, subscription: str) -> tuple[Purchase, Subscription]:
        """Returns one subscription with its purchase; raises `NotFound`."""
        for purchase in self.purchases:
            if purchase.subscription is not None and purchase.id == subscription:
                return purchase, purchase.subscription
        raise NotFound("subscription_unknown")

    def payment(self, order: str) -> tuple[Order, Invoice]:
        """Returns one completed payment with its invoice; raises `NotFound`."""
        for entry in (e for purchase in self.purchases for e in purchase.payments):
            if entry.order.id == order:
                by_id = {invoice.id: invoice for invoice in self.history.invoices}
                return entry.order, by_id[entry.order.invoice or ""]
        raise NotFound("payment_unknown")


def account(ports: Ports, merchant: Merchant, customer: str, *, now: datetime) -> Account:
    """Returns everything of one customer; raises `NotFound`."""
    history = ports.store.history(merchant.id, customer)
    if history.customer is None:
        raise NotFound("customer_unknown")
    days = refund_days(ports, merchant)
    modules = purchases.of_customer(
        history.orders,
        history.invoices,
        history.subscriptions,
        history.methods,
        days,
        merchant.settings,
        now,
        ports.minimum_minor,
    )
    return Account(merchant, history.customer, history, modules, days)


def refund_days(ports: Ports, merchant: Merchant) -> dict[str, int]:
    """Returns the refund window of each product in days; none is looked up where customers cannot
    ask."""
    if merchant.settings.self_refund is SelfService.OFF:
        return {}
    products, _ = ports.store.catalog(merchant.id)
    return {product.id: product.refund_days for product in products}
