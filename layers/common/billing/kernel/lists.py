"""The part of the storage port that lists: what a merchant has, by indexes, page by page (M-1)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from billing.kernel.values import Value

if TYPE_CHECKING:
    from billing.kernel.catalog import Product
    from billing.kernel.customers import Customer
    from billing.kernel.list_rows import ListRow, SubscriptionFilter
    from billing.kernel.merchants import Merchant
    from billing.kernel.orders import Order
    from billing.kernel.search_words import Search
    from billing.kernel.subscription import Subscription

T = TypeVar("T")


class Page(Value, Generic[T]):
    """One page of a list, newest first; `next` is the cursor of the next page, None at the end."""

    data: tuple[T, ...]
    next: str | None


class Changed(Value):
    """Objects that changed, as (customer, id), oldest change first.

    `next` is where to read on, None where there is nothing more by now. Changes from
    `complete_since` on are all there. An object that changed twice is named once in each answer.
    """

    owners: tuple[tuple[str, str], ...]
    next: str | None
    complete_since: datetime


class ChangedSince(Protocol):
    """The event log's answer to what changed: subscriptions, invoices or customers (M-5)."""

    def __call__(
        self,
        merchant: Merchant,
        what: str,
        *,
        since: datetime,
        after: str | None = None,
        limit: int,
        now: datetime,
    ) -> Changed: ...


class Lists(Protocol):
    """The questions of lists; `Store` has them too."""

    def listed_products(self, *, limit: int, cursor: str | None = None) -> Page[Product]:
        """Index: products of all merchants that are switched to public listing, by merchant (P-1,
        P-14)."""
        ...

    def subscription_by_id(self, merchant: str, subscription: str) -> Subscription | None:
        """Index: may not see what was written within the last second."""
        ...

    def order_by_id(self, merchant: str, order: str) -> Order | None:
        """Index: may not see what was written within the last second."""
        ...

    def order_of_purchase(self, merchant: str, purchase: str) -> Order | None:
        """Index: the order of a one-time purchase."""
        ...

    def orders(
        self,
        merchant: str,
        *,
        since: datetime,
        until: datetime,
        limit: int,
        cursor: str | None = None,
        lists: int = 1,
    ) -> Page[Order]:
        """Index: a merchant's orders with `since <= at < until`, newest first, over all months.

        `lists` is the merchant's `order_lists`.
        """
        ...

    def subscriptions_started(
        self,
        merchant: str,
        *,
        since: datetime,
        until: datetime,
        limit: int,
        cursor: str | None = None,
    ) -> Page[Subscription]:
        """Index: a merchant's subscriptions that started in a span, newest first."""
        ...

    def subscriptions_where(
        self,
        merchant: str,
        where: SubscriptionFilter,
        *,
        now: datetime,
        limit: int,
        cursor: str | None = None,
    ) -> Page[Subscription]:
        """Index: a merchant's subscriptions in a state or on a plan, as of `now`, newest first; the
        filter names one of them or more."""
        ...

    def subscriptions_of(self, merchant: str, customer: str) -> list[Subscription]:
        """All subscriptions of one customer, in no order."""
        ...

    def customers(self, merchant: str, *, limit: int, cursor: str | None = None) -> Page[Customer]:
        """Index: a merchant's customers that are not erased, newest first."""
        ...

    def customers_found(
        self, merchant: str, search: Search, *, limit: int, cursor: str | None = None
    ) -> Page[Customer]:
        """Index: the customers that a search finds, in the order of the word that it looks up."""
        ...

    def list_rows(self, merchant: str, customer: str) -> list[ListRow]:
        """The rows by which lists find a customer and what they bought."""
        ...
