"""Walks over all merchants, and all that one sold and booked, from any place on: for jobs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from billing.kernel.flows.paging import entries
from billing.kernel.lists import Page
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
        lambda cursor: sold(ports, seller, limit=AT_ONCE, cursor=cursor, now=now),
        lambda found: found.id,
        after=after,
    )


def orders(
    ports: Ports, seller: Merchant, *, after: str, now: datetime
) -> Iterator[tuple[Order, str]]:
    """Yields a merchant's orders behind a place, newest first, each with the place after it."""
    return entries(
        lambda cursor: booked(ports, seller, limit=AT_ONCE, cursor=cursor, now=now),
        lambda order: order.id,
        after=after,
    )


def sold(
    ports: Ports,
    seller: Merchant,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int,
    cursor: str | None,
    now: datetime,
) -> Page[Subscription]:
    """Returns a page of what a merchant sold up to now, or in a span, newest first.

    What was moved here began where it was sold, which may be before its merchant came.
    """
    begin, end = _span(seller.oldest_sold, since, until, now)
    return ports.store.subscriptions_started(
        seller.id, since=begin, until=end, limit=limit, cursor=cursor
    )


def booked(
    ports: Ports,
    seller: Merchant,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int,
    cursor: str | None,
    now: datetime,
) -> Page[Order]:
    """Returns a page of a merchant's orders up to now, or in a span, newest first."""
    begin, end = _span(seller.created_at, since, until, now)
    return ports.store.orders(
        seller.id, since=begin, until=end, limit=limit, cursor=cursor, lists=seller.order_lists
    )


def _span(
    first: datetime, since: datetime | None, until: datetime | None, now: datetime
) -> tuple[datetime, datetime]:
    """Returns a span, cut to what there is: up to now, with what was sold at this instant."""
    ends = now + _MOMENT
    return (
        max(first, since or first),
        ends if until is None else min(until, ends),
    )
