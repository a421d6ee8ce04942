"""The part of the storage port about one customer that does not read all they ever paid.

A customer's cards, subscriptions and access are few; payments and what follows from them grow for
as long as they stay. So what they hold is one question, a payment another, and payments come in
pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from billing.kernel.values import Value

if TYPE_CHECKING:
    from billing.kernel.catalog import Product
    from billing.kernel.customers import Consent, Customer, Entitlement, PurchaseBillTo
    from billing.kernel.lists import Page
    from billing.kernel.orders import Order
    from billing.kernel.storage import History


class Billed(Value):
    """A customer, and for each of some purchases who is billed and what was agreed to."""

    customer: Customer | None
    bill_tos: tuple[PurchaseBillTo | None, ...]
    consents: tuple[Consent | None, ...]


class CustomerParts(Protocol):
    """The questions about parts of what a customer has; `Store` has them too."""

    def billed(self, merchant: str, customer: str, purchases: Sequence[str]) -> Billed:
        """The customer, and bills and consents of purchases in the order asked for."""
        ...

    def bill_tos(self, purchases: Sequence[tuple[str, str, str]]) -> list[PurchaseBillTo | None]:
        """Many at once, (merchant, customer, purchase id) each, in the order asked for."""
        ...

    def consent(self, merchant: str, customer: str, purchase: str) -> Consent | None: ...
    def holdings(self, merchant: str, customer: str) -> History:
        """The customer, their cards and subscriptions, the open invoices of those, and the entries
        of requests to cancel them; no other order."""
        ...

    def payment(self, merchant: str, customer: str, invoice: str) -> History:
        """One payment: its invoice, order and refunds, the customer, its subscription with the
        open invoice, and for a one-time purchase their access."""
        ...

    def payment_of_order(self, merchant: str, order: str) -> History | None:
        """Index: the same by an Order ID, with that order; None for an unknown one. It has the
        order alone where that names no invoice of a customer."""
        ...

    def disputed_payment(self, merchant: str, customer: str, invoice: str) -> History:
        """The same with all of the customer's access and chargebacks."""
        ...

    def entitlements(
        self, merchant: str, customer: str, grant: str | None = None
    ) -> list[Entitlement]:
        """A customer's access, or that to one grant, oldest first."""
        ...

    def order(self, merchant: str, customer: str, order: str, *, since: datetime) -> Order | None:
        """A customer's order by its Order ID, looked for among those written since an instant."""
        ...

    def orders_of(
        self,
        merchant: str,
        customer: str,
        *,
        limit: int,
        cursor: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Page[Order]:
        """A customer's orders with `since <= at < until`, newest first."""
        ...

    def products(self, products: Sequence[tuple[str, str]]) -> list[Product | None]:
        """Many at once, (merchant, product id) each, in the order asked for."""
        ...
