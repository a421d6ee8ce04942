"""A merchant's customer with what belongs to them, for pages that they see (B-4).

What they hold is read for every page; what they paid only page by page, for it never ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from billing.customers import purchases
from billing.customers.purchases import Purchase
from billing.kernel.customers import Customer
from billing.kernel.errors import NotFound
from billing.kernel.invoices import Invoice
from billing.kernel.merchants import Merchant, SelfService
from billing.kernel.money import Money
from billing.kernel.orders import PAYMENTS, Order
from billing.kernel.ports import Ports
from billing.kernel.storage import History
from billing.kernel.subscription import Subscription
from billing.kernel.values import Value
from billing.tax.flows import upcoming

PAYMENTS_SHOWN = 50
"""The entries of a page of payments."""


class Account(Value):
    """A customer of a merchant with what they hold.

    `purchases` are their subscriptions, without payments; `next_amounts` the next payment of each
    that runs, with its taxes.
    """

    merchant: Merchant
    customer: Customer
    history: History
    next_amounts: Mapping[str, Money]
    purchases: tuple[Purchase, ...]

    def purchase(self, subscription: str) -> tuple[Purchase, Subscription]:
        """Returns one subscription with its purchase; raises `NotFound`."""
        for purchase in self.purchases:
            if purchase.subscription is not None and purchase.id == subscription:
                return purchase, purchase.subscription
        raise NotFound("subscription_unknown")


class Payments(Value):
    """The purchases that a page of a customer's entries is of, and the cursor of older ones.

    The first page has all subscriptions, also those whose payments are older.
    """

    purchases: tuple[Purchase, ...]
    older: str | None


def account(ports: Ports, merchant: Merchant, customer: str, *, now: datetime) -> Account:
    """Returns a customer with what they hold; raises `NotFound`."""
    held = ports.store.holdings(merchant.id, customer)
    if held.customer is None:
        raise NotFound("customer_unknown")
    amounts = upcoming.next_charges(ports, merchant, held.subscriptions, now=now)
    shown = _purchases(ports, merchant, held, amounts, now=now)
    return Account(merchant, held.customer, held, amounts, shown)


def payments(ports: Ports, account: Account, *, cursor: str | None, now: datetime) -> Payments:
    """Returns the page of purchases behind a cursor, newest entries first; raises `Invalid` for a
    cursor of another list."""
    merchant, held = account.merchant, account.history
    owner = (merchant.id, account.customer.id)
    page = ports.store.orders_of(*owner, limit=PAYMENTS_SHOWN, cursor=cursor)
    shown = _purchases(
        ports,
        merchant,
        held,
        account.next_amounts,
        orders=page.data[::-1],
        invoices=_invoices(ports, held, owner, page.data),
        every=cursor is None,
        now=now,
    )
    return Payments(shown, page.next)


def purchase_of(ports: Ports, account: Account, orders: Sequence[Order], now: datetime) -> Purchase:
    """Returns the one purchase that orders are of, oldest first."""
    (found,) = _purchases(
        ports,
        account.merchant,
        account.history,
        account.next_amounts,
        orders=orders,
        every=False,
        now=now,
    )
    return found


def refund_days(ports: Ports, merchant: Merchant, products: Iterable[str]) -> dict[str, int]:
    """Returns the refund window of products in days; none is looked up where customers cannot
    ask."""
    named = [(merchant.id, product) for product in dict.fromkeys(products)]
    if not named or merchant.settings.self_refund is SelfService.OFF:
        return {}
    return {found.id: found.refund_days for found in ports.store.products(named) if found}


def _invoices(
    ports: Ports, held: History, owner: tuple[str, str], orders: Iterable[Order]
) -> list[Invoice]:
    """Returns the invoices that orders name, beside those that are read."""
    known = {invoice.id for invoice in held.invoices}
    named = dict.fromkeys(o.invoice for o in orders if o.invoice and o.invoice not in known)
    read = ports.store.invoices([(*owner, each) for each in named]) if named else []
    return [invoice for invoice in read if invoice is not None]


def _purchases(
    ports: Ports,
    merchant: Merchant,
    held: History,
    next_amounts: Mapping[str, Money],
    *,
    orders: Sequence[Order] = (),
    invoices: Sequence[Invoice] = (),
    every: bool = True,
    now: datetime,
) -> tuple[Purchase, ...]:
    paid = (order.product for order in orders if order.kind in PAYMENTS)
    return purchases.of_customer(
        orders,
        (*held.invoices, *invoices),
        held.subscriptions,
        held.methods,
        refund_days(ports, merchant, paid),
        merchant.settings,
        now,
        next_amounts,
        every=every,
    )
