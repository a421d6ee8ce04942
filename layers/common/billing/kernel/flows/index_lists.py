"""Indexes for lists what was sold before there was the aux index; a step of a job, per merchant.

It walks all subscriptions and all orders of a merchant, writes their places and rows, and at the
end notes that the merchant's lists are complete. Each write expects what it follows from, so it may
be done twice, by two at once, and beside everything else. It must begin only when no process of a
version without the index runs any more: what such a one writes behind it would stay unlisted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from billing.kernel import list_rows
from billing.kernel.customers import Customer
from billing.kernel.errors import Conflict, Unavailable
from billing.kernel.flows.list_rows import difference
from billing.kernel.flows.paging import entries
from billing.kernel.list_rows import ListRow, PlanRow
from billing.kernel.merchants import Merchant
from billing.kernel.orders import Order, OrderKind
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription
from billing.kernel.writes import Change

T = TypeVar("T")

AT_ONCE = 50
ATTEMPTS = 8
SUBSCRIPTIONS, ORDERS = "subscriptions", "orders"
NEW = timedelta(days=2)
"""The age of a merchant from which on no process of an older version can have sold for it."""

Step = tuple[str | None, Counter[str]]
"""The cursor to go on with, None at the end, and the counts of what was done."""


def merchants(ports: Ports, *, now: datetime) -> list[str]:
    """Returns the merchants to index: all but those that were complete from their beginning.

    One made in these days is indexed all the same, for a version without the index may have sold
    for it while it gave way to this one.
    """
    return [
        merchant.id
        for merchant in ports.store.merchants()
        if merchant.lists_complete_at is None or now - merchant.created_at < NEW
    ]


def step(ports: Ports, merchant: str, cursor: str, deadline: datetime) -> Step:
    """Indexes a merchant's entries from a cursor on, "" for the beginning, until a deadline.

    At least one entry is done. What does not answer, or is contended for, stops the step where it
    is; raises `Conflict` or `Unavailable` if it was the first.
    """
    seller = ports.store.merchant(merchant)
    assert seller is not None, "a merchant is never removed"
    counts: Counter[str] = Counter()
    phase, _, after = cursor.partition("~")
    if phase in {"", SUBSCRIPTIONS}:
        left = _walk(ports, _subscriptions(ports, seller, after), _subscription, counts, deadline)
        if left is not None:
            return f"{SUBSCRIPTIONS}~{left}", counts
        after = ""
    left = _walk(ports, _orders(ports, seller, after), _order, counts, deadline)
    if left is not None:
        return f"{ORDERS}~{left}", counts
    _note_complete(ports, seller)
    return None, counts


def _walk(
    ports: Ports,
    found: Iterator[tuple[T, str]],
    act: Callable[[Ports, T, Counter[str]], None],
    counts: Counter[str],
    deadline: datetime,
) -> str | None:
    """Does entries in order until the deadline; returns the place to go on from, None at the
    end."""
    place: str | None = None
    for entry, behind in found:
        if place is not None and ports.clock() >= deadline:
            return place
        try:
            act(ports, entry, counts)
        except (Conflict, Unavailable):
            if place is None:
                raise
            return place
        place = behind
    return None


def _subscription(ports: Ports, found: Subscription, counts: Counter[str]) -> None:
    """Writes the place of a subscription, and its rows."""
    for _ in range(ATTEMPTS):
        kept = [
            row
            for row in ports.store.list_rows(found.merchant, found.customer)
            if isinstance(row, PlanRow) and row.subscription == found.id
        ]
        writes = difference(kept, list_rows.of_subscription(found))
        again = Change(found, found, expecting=("state", *list_rows.PLANS), reindexes=True)
        try:
            ports.store.commit(again, *writes)
        except Conflict:
            now_is = ports.store.subscription(found.merchant, found.customer, found.id)
            assert now_is is not None, "a subscription is never removed"
            found = now_is
            continue
        counts["subscriptions"] += 1
        counts["rows"] += len(writes)
        return
    raise Conflict()


def _order(ports: Ports, order: Order, counts: Counter[str]) -> None:
    """Writes the place of a one-time purchase, and those of a buyer with their rows."""
    if order.kind is not OrderKind.SALE or order.customer is None:
        return
    if order.subscription is None:
        ports.store.commit(Change(order, order, expecting=("kind",), reindexes=True))
        counts["purchases"] += 1
    for _ in range(ATTEMPTS):
        buyer = ports.store.customer(order.merchant, order.customer)
        if buyer is None or _customer(ports, buyer, counts):
            return
    raise Conflict()


def _customer(ports: Ports, found: Customer, counts: Counter[str]) -> bool:
    """Writes the place and the rows of a customer; returns whether they were as they were read."""
    rows = ports.store.list_rows(found.merchant, found.id)
    kept: list[ListRow] = [row for row in rows if not isinstance(row, PlanRow)]
    writes = difference(kept, list_rows.of_customer(found))
    again = Change(found, found, expecting=list_rows.WORDS, reindexes=True)
    try:
        ports.store.commit(again, *writes)
    except Conflict:
        return False
    counts["customers"] += 1
    counts["rows"] += len(writes)
    return True


def _note_complete(ports: Ports, seller: Merchant) -> None:
    for _ in range(ATTEMPTS):
        if seller.lists_complete_at is not None:
            return
        try:
            complete = replace(seller, lists_complete_at=ports.clock())
            ports.store.commit(Change(seller, complete))
        except Conflict:
            read = ports.store.merchant(seller.id)
            assert read is not None, "a merchant is never removed"
            seller = read
            continue
        return
    raise Conflict()


def _subscriptions(
    ports: Ports, seller: Merchant, after: str
) -> Iterator[tuple[Subscription, str]]:
    until = ports.clock() + timedelta(microseconds=1)
    return entries(
        lambda cursor: ports.store.subscriptions_started(
            seller.id, since=seller.created_at, until=until, limit=AT_ONCE, cursor=cursor
        ),
        lambda found: found.id,
        after=after,
    )


def _orders(ports: Ports, seller: Merchant, after: str) -> Iterator[tuple[Order, str]]:
    until = ports.clock() + timedelta(microseconds=1)
    return entries(
        lambda cursor: ports.store.orders(
            seller.id, since=seller.created_at, until=until, limit=AT_ONCE, cursor=cursor
        ),
        lambda order: order.id,
        after=after,
    )
