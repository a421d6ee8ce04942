"""Walks over all merchants, and all that one sold and booked, from any place on: for jobs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from billing.kernel.flows.paging import entries
from billing.kernel.merchants import Merchant
from billing.kernel.orders import Order
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription

AT_ONCE = 50

_MOMENT = timedelta(microseconds=1)
"""The least after `now`, so that what was sold at that instant is among it."""


def merchants(ports: Ports, *, after: str) -> Iterator[tuple[Merchant, str]]:
    """Yields merchants in the order of their ids, behind one, each with its id."""
    while found := ports.store.merchants_after(after, limit=AT_ONCE):
        yield from ((each, each.id) for each in found)
        after = found[-1].id


def subscriptions(
    ports: Ports, seller: Merchant, *, after: str, now: datetime
) -> Iterator[tuple[Subscription, str]]:
    """Yields a merchant's subscriptions behind a place, newest first, each with the place after
    it."""
    return entries(
        lambda cursor: ports.store.subscriptions_started(
            seller.id,
            since=seller.created_at,
            until=now + _MOMENT,
            limit=AT_ONCE,
            cursor=cursor,
        ),
        lambda found: found.id,
        after=after,
    )


def orders(
    ports: Ports, seller: Merchant, *, after: str, now: datetime
) -> Iterator[tuple[Order, str]]:
    """Yields a merchant's orders behind a place, newest first, each with the place after it."""
    return entries(
        lambda cursor: ports.store.orders(
            seller.id,
            since=seller.created_at,
            until=now + _MOMENT,
            limit=AT_ONCE,
            cursor=cursor,
            lists=seller.order_lists,
        ),
        lambda order: order.id,
        after=after,
    )
