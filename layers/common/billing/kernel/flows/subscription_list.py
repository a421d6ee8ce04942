"""Lists a merchant's subscriptions, newest first, by whichever filter narrows them most."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from billing.kernel.cursors import position_in, seal
from billing.kernel.errors import NotFound
from billing.kernel.flows.paging import pages
from billing.kernel.list_rows import SubscriptionFilter
from billing.kernel.lists import Page
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.subscription import State, Subscription
from billing.kernel.values import Value

READ_AT_ONCE, READS_AT_MOST = 200, 100
"""The subscriptions of one read, and the most reads of `in_states`."""

PageAt = Callable[[str | None], Page[Subscription]]


def page(
    ports: Ports,
    merchant: Merchant,
    where: SubscriptionFilter,
    *,
    limit: int,
    cursor: str | None,
    now: datetime,
) -> Page[Subscription]:
    """Returns a page of subscriptions as of now; raises `NotFound` for an unknown customer.

    A state that comes with time (X-4, A-5) is shown at once; the list of that state has it when a
    sweep has written it, minutes later.
    """
    if where.customer is not None:
        found = _of_customer(ports, merchant.id, where, limit, cursor, now)
    elif where.text:
        found = ports.store.subscriptions_where(
            merchant.id, where, now=now, limit=limit, cursor=cursor
        )
    else:
        # Every month asked for costs a query: nothing is older than the oldest, or newer than now.
        until = now + timedelta(microseconds=1)
        found = ports.store.subscriptions_started(
            merchant.id, since=merchant.oldest_sold, until=until, limit=limit, cursor=cursor
        )
    return Page(tuple(each.as_of(now) for each in found.data), found.next)


class Found(Value):
    """Subscriptions in no order; `complete` is false where there may be more than were read."""

    data: tuple[Subscription, ...]
    complete: bool


def in_states(
    ports: Ports,
    merchant: Merchant,
    states: Sequence[State],
    *,
    now: datetime,
    more_than: int | None = None,
) -> Found:
    """Lists a merchant's subscriptions that are stored in these states, those of the first first.

    Only the merchant's own are read, whatever others have: `READS_AT_MOST` pages, or as many as
    there are to `more_than` subscriptions. A merchant whose lists are not complete has all that
    they ever sold read, newest first.
    """
    until = now + timedelta(microseconds=1)

    def started(cursor: str | None) -> Page[Subscription]:
        return ports.store.subscriptions_started(
            merchant.id, since=merchant.oldest_sold, until=until, limit=READ_AT_ONCE, cursor=cursor
        )

    def in_state(state: State) -> PageAt:
        # As of the beginning nothing that comes with time has come: the state is the stored one.
        return lambda cursor: ports.store.subscriptions_where(
            merchant.id,
            SubscriptionFilter(state=state),
            now=merchant.created_at,
            limit=READ_AT_ONCE,
            cursor=cursor,
        )

    lists = [started] if merchant.lists_complete_at is None else [in_state(s) for s in states]
    found: list[Subscription] = []
    left = READS_AT_MOST
    for page_at in lists:
        more = True
        for page in pages(page_at, at_most=left):
            found += (each for each in page.data if each.state in states)
            left, more = left - 1, page.next is not None
            if more_than is not None and len(found) > more_than:
                return Found(tuple(found), complete=False)
        if more:
            return Found(tuple(found), complete=False)
    return Found(tuple(found), complete=True)


def is_complete(merchant: Merchant, where: SubscriptionFilter) -> bool:
    """Tests whether a list has everything; only one by state or plan waits for what is indexed."""
    by_index = where.customer is None and bool(where.text)
    return not by_index or merchant.lists_complete_at is not None


def _of_customer(
    ports: Ports,
    merchant: str,
    where: SubscriptionFilter,
    limit: int,
    cursor: str | None,
    now: datetime,
) -> Page[Subscription]:
    """Returns a page of one customer's subscriptions, of which there are few: all are read."""
    assert where.customer is not None
    found = ports.store.subscriptions_of(merchant, where.customer)
    if not found and ports.store.customer(merchant, where.customer) is None:
        raise NotFound("customer_unknown")
    behind = None if cursor is None else position_in(cursor, merchant, where.text)
    left = [
        each
        for each in sorted(found, key=_place, reverse=True)
        if where.takes(each.as_of(now)) and (behind is None or _place(each) < behind)
    ]
    shown = left[:limit]
    more = len(left) > limit
    return Page(tuple(shown), seal(_place(shown[-1]), merchant, where.text) if more else None)


def _place(subscription: Subscription) -> str:
    return f"{subscription.started_at.isoformat(timespec='microseconds')}#{subscription.id}"
