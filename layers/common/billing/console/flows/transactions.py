"""The transaction list: pages of orders, filtered; one order by its Order ID (M-1)."""

from __future__ import annotations

from datetime import datetime, timedelta

from billing.kernel.errors import NotFound
from billing.kernel.flows import subscriptions
from billing.kernel.flows.paging import filtered
from billing.kernel.lists import Page
from billing.kernel.merchants import Merchant
from billing.kernel.orders import Order, OrderKind, typed_order_id
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription
from billing.kernel.values import Value, replace

READ_AT_ONCE = 200


class Filter(Value):
    """A filter of orders; `since <= at < until`."""

    customer: str | None = None
    subscription: str | None = None
    kind: OrderKind | None = None
    since: datetime | None = None
    until: datetime | None = None

    def takes(self, order: Order) -> bool:
        """Tests whether an order passes the filter."""
        return (
            self.customer in {None, order.customer}
            and self.subscription in {None, order.subscription}
            and self.kind in {None, order.kind}
            and (self.since is None or self.since <= order.at)
            and (self.until is None or order.at < self.until)
        )


def page(
    ports: Ports,
    merchant: Merchant,
    wanted: Filter,
    *,
    limit: int,
    cursor: str | None,
    now: datetime,
) -> Page[Order]:
    """Lists orders, newest first; raises `NotFound` for an unknown customer or subscription."""
    owner = wanted.customer
    if wanted.subscription is not None:
        owner = subscriptions.fresh(ports, merchant.id, wanted.subscription).customer
    if owner is not None:
        return _of_customer(ports, merchant.id, owner, wanted, limit, cursor)
    return _of_merchant(ports, merchant, wanted, limit, cursor, now)


def of_subscription(
    ports: Ports, subscription: Subscription, *, limit: int, cursor: str | None
) -> Page[Order]:
    """Lists the orders of a subscription that has been read, newest first."""
    wanted = Filter(customer=subscription.customer, subscription=subscription.id)
    owner = (subscription.merchant, subscription.customer)
    return _of_customer(ports, *owner, wanted, limit, cursor)


def search(
    ports: Ports,
    merchant: Merchant,
    text: str,
    wanted: Filter,
    *,
    limit: int,
    cursor: str | None,
    now: datetime,
) -> Page[Order]:
    """Finds orders by an Order ID as typed, an email, or a subscription (H-6)."""
    if (order_id := typed_order_id(text)) is not None:
        order = ports.store.order_by_id(merchant.id, order_id)
        return Page((order,) if order and wanted.takes(order) else (), None)
    customer = subscription = None
    if "@" in text:
        customer = ports.store.customer_by_email(merchant.id, text)
    elif known := ports.store.subscription_by_id(merchant.id, text):
        subscription = known.id
    if customer is None and subscription is None:
        return Page((), None)
    narrowed = replace(wanted, customer=customer, subscription=subscription)
    return page(ports, merchant, narrowed, limit=limit, cursor=cursor, now=now)


def one(ports: Ports, merchant: str, order: str) -> Order:
    """Returns the order with an Order ID; raises `NotFound`."""
    found = ports.store.order_by_id(merchant, order)
    if found is None:
        raise NotFound("order_unknown")
    return found


def _of_customer(
    ports: Ports, merchant: str, customer: str, wanted: Filter, limit: int, cursor: str | None
) -> Page[Order]:
    """Lists a customer's orders that pass the filter; raises `NotFound` for an unknown one.

    Without `kind` and `subscription` every entry counts, and the cursor is the list's own.
    """
    every = wanted.kind is None and wanted.subscription is None

    def page_at(at: str | None) -> Page[Order]:
        return ports.store.orders_of(
            merchant,
            customer,
            since=wanted.since,
            until=wanted.until,
            limit=limit if every else READ_AT_ONCE,
            cursor=at,
        )

    if every:
        found = page_at(cursor)
    else:
        found = filtered(page_at, wanted.takes, lambda order: order.id, limit=limit, cursor=cursor)
    if not found.data and ports.store.customer(merchant, customer) is None:
        raise NotFound("customer_unknown")
    return found


def _of_merchant(
    ports: Ports,
    merchant: Merchant,
    wanted: Filter,
    limit: int,
    cursor: str | None,
    now: datetime,
) -> Page[Order]:
    """Lists all of a merchant's orders that pass the filter.

    `kind` has no index of its own; without one every entry counts, and the cursor is the list's
    own.
    """
    # Nothing is older than the merchant or newer than now: every month asked for costs a query.
    since = max(wanted.since or merchant.created_at, merchant.created_at)
    until = min(wanted.until or now, now) + timedelta(microseconds=1)
    if wanted.until is not None:
        until = min(until, wanted.until)
    if since >= until:
        return Page((), None)
    lists = merchant.order_lists
    if wanted.kind is None:
        return ports.store.orders(
            merchant.id, since=since, until=until, limit=limit, cursor=cursor, lists=lists
        )
    return filtered(
        lambda at: ports.store.orders(
            merchant.id, since=since, until=until, limit=READ_AT_ONCE, cursor=at, lists=lists
        ),
        wanted.takes,
        lambda order: order.id,
        limit=limit,
        cursor=cursor,
    )
