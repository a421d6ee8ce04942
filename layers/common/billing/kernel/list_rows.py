"""Rows by which a merchant's lists find what an item's own place in an index does not.

An item has one place in an index. A subscription's is by its state, so its plans have rows of
their own, and so have the words of a customer's name and email. A row says no more than that there
may be something: whoever reads a list looks at the item, and leaves out what is not so (any more).
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from billing.kernel import search_words
from billing.kernel.customers import Customer
from billing.kernel.subscription import State, Subscription
from billing.kernel.values import Value, names
from billing.kernel.writes import Entity


class RowOf(StrEnum):
    """The two things that a subscription's plan is found by."""

    PRODUCT = "product"
    PRICE_POINT = "price_point"


class PlanRow(Entity):
    """A product or a price point that a subscription is on, or is to be on.

    `plan` is the id of what `of` says.
    """

    merchant: str
    customer: str
    subscription: str
    of: RowOf
    plan: str
    started_at: datetime


class WordRow(Entity):
    """A word of a customer's name or email; it goes when the customer is erased (M-8)."""

    merchant: str
    customer: str
    word: str


ListRow = PlanRow | WordRow


class SubscriptionFilter(Value):
    """A filter of subscriptions; None takes all."""

    state: State | None = None
    customer: str | None = None
    product: str | None = None
    price_point: str | None = None

    @property
    def text(self) -> str:
        """The filter as text, which names its list in cursors."""
        chosen = ((name, getattr(self, name)) for name in names(self))
        return "&".join(f"{name}={value}" for name, value in chosen if value is not None)

    def takes(self, subscription: Subscription) -> bool:
        """Tests whether a subscription, as of now, passes the filter."""
        return (
            self.state in {None, subscription.state}
            and self.customer in {None, subscription.customer}
            and self.product in {None, subscription.product}
            and self.price_point in {None, subscription.price_point}
        )


def of_subscription(subscription: Subscription) -> frozenset[PlanRow]:
    """Returns the rows of a subscription: its plan's, and those of plans that it is to change to.

    A plan to come has its rows when it is asked for, so that the renewal that begins it writes
    none.
    """
    to_come = (subscription.next_plan, subscription.thaws_to)
    plans = {
        (RowOf.PRODUCT, subscription.product),
        (RowOf.PRICE_POINT, subscription.price_point),
        *((RowOf.PRODUCT, plan.product) for plan in to_come if plan is not None),
        *((RowOf.PRICE_POINT, plan.price_point) for plan in to_come if plan is not None),
    }
    owner = (subscription.merchant, subscription.customer, subscription.id)
    return frozenset(PlanRow(*owner, of, plan, subscription.started_at) for of, plan in plans)


def of_customer(customer: Customer) -> frozenset[WordRow]:
    """Returns the rows of a customer's words; none of one that was erased."""
    if customer.is_erased:
        return frozenset()
    words = search_words.indexed(customer.name, customer.email)
    return frozenset(WordRow(customer.merchant, customer.id, word) for word in words)


PLANS = ("product", "price_point", "next_plan", "thaws_to")
"""Fields of a subscription that its rows follow from."""

WORDS = ("name", "email")
"""Fields of a customer that the rows of their words follow from."""
