"""The job that indexes for lists what a merchant sold before there was the aux index.

It walks all subscriptions, all orders and the catalog, writes their places and rows, and at the
end notes that the merchant's lists are complete. Each write expects what it follows from, so it may
be done twice, by two at once, and beside everything else. It must begin only when no process of a
version without the index runs any more: what such a one writes behind it would stay unlisted.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

from billing.jobs import jobs
from billing.jobs.flows import start
from billing.jobs.flows.steps import Kind, each, place_in
from billing.jobs.jobs import Job, Step
from billing.kernel import list_rows
from billing.kernel.catalog import PricePoint, Product
from billing.kernel.customers import Customer
from billing.kernel.errors import Conflict
from billing.kernel.flows import whole_lists
from billing.kernel.flows.list_rows import difference
from billing.kernel.flows.walks import KeepGoing
from billing.kernel.list_rows import ListRow, PlanRow
from billing.kernel.merchants import Merchant
from billing.kernel.orders import Order, OrderKind
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription
from billing.kernel.values import replace
from billing.kernel.walks import Seen
from billing.kernel.writes import Change

JOB = "index_lists"
"""The job's kind, and its id: a merchant has one."""

ATTEMPTS = 8
SUBSCRIPTIONS, ORDERS, CATALOG = "subscriptions", "orders", "catalog"
NEW = timedelta(days=2)
"""The age of a merchant from which on no process of an older version can have sold for it."""


def start_all(ports: Ports, *, now: datetime) -> list[Job]:
    """Starts the job of each merchant whose lists may lack something; returns them all.

    One that was made in these days is indexed all the same, for a version without the index may
    have sold for it while it gave way to this one.
    """
    return [
        start.start(ports, jobs.new(merchant.id, JOB, JOB, now), now=now)
        for merchant in ports.store.merchants()
        if merchant.lists_complete_at is None
        or merchant.catalog_listed_at is None
        or now - merchant.created_at < NEW
    ]


def _steps(ports: Ports, job: Job, *, now: datetime, keep_going: KeepGoing) -> Iterator[Step]:
    """Indexes a merchant's subscriptions, then its orders with their buyers, then its catalog, one
    each step."""
    seller = _seller(ports, job.owner)
    of, place = place_in(job.cursor)
    if of not in (ORDERS, CATALOG):
        sold = whole_lists.subscriptions(ports, seller, after=place, now=now)
        yield from each(SUBSCRIPTIONS, sold, partial(_subscription, ports))
        yield Step(f"{ORDERS} ", None)
        place = ""
    if of != CATALOG:
        booked = whole_lists.orders(ports, seller, after=place, now=now)
        yield from each(ORDERS, booked, partial(_order, ports))
        yield Step(f"{CATALOG} ", None)
        place = ""
    yield from each(CATALOG, _catalog(ports, job.owner, after=place), partial(_offered, ports))


def _catalog(
    ports: Ports, merchant: str, *, after: str
) -> Iterator[tuple[Product | PricePoint, str]]:
    """Yields a merchant's products and price points behind a place, each with its place."""
    products, points = ports.store.catalog(merchant)
    everything: list[Product | PricePoint] = [*products, *points]
    for found in sorted(everything, key=lambda each: each.id):
        if found.id > after:
            yield found, found.id


def _offered(ports: Ports, found: Product | PricePoint) -> Seen:
    """Writes the place of a product or of a price point; none of what it follows from changes."""
    ports.store.commit(Change(found, found, expecting=("created_at",), reindexes=True))
    return Seen.FINISHED


def _finish(ports: Ports, job: Job, *, now: datetime, keep_going: KeepGoing) -> Seen:
    """Notes that the merchant's lists have everything."""
    for _ in range(ATTEMPTS):
        seller = _seller(ports, job.owner)
        after = replace(
            seller,
            lists_complete_at=seller.lists_complete_at or now,
            catalog_listed_at=seller.catalog_listed_at or now,
        )
        if after == seller:
            return Seen.FINISHED
        try:
            ports.store.commit(Change(seller, after))
        except Conflict:
            continue
        return Seen.FINISHED
    raise Conflict()


INDEX = Kind(_steps, _finish)


def _seller(ports: Ports, merchant: str) -> Merchant:
    found = ports.store.merchant(merchant)
    assert found is not None, "a merchant is never removed"
    return found


def _subscription(ports: Ports, found: Subscription) -> Seen:
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
            if now_is is None:
                return Seen.SKIPPED  # it was being moved here, and was left with its source
            found = now_is
            continue
        return Seen.FINISHED
    raise Conflict()


def _order(ports: Ports, order: Order) -> Seen:
    """Writes the place of a one-time purchase, and those of a buyer with their rows."""
    if order.kind is not OrderKind.SALE or order.customer is None:
        return Seen.SKIPPED
    if order.subscription is None:
        ports.store.commit(Change(order, order, expecting=("kind",), reindexes=True))
    for _ in range(ATTEMPTS):
        buyer = ports.store.customer(order.merchant, order.customer)
        if buyer is None or _customer(ports, buyer):
            return Seen.FINISHED
    raise Conflict()


def _customer(ports: Ports, found: Customer) -> bool:
    """Writes the place and the rows of a customer; returns whether they were as they were read."""
    rows = ports.store.list_rows(found.merchant, found.id)
    kept: list[ListRow] = [row for row in rows if not isinstance(row, PlanRow)]
    writes = difference(kept, list_rows.of_customer(found))
    again = Change(found, found, expecting=list_rows.WORDS, reindexes=True)
    try:
        ports.store.commit(again, *writes)
    except Conflict:
        return False
    return True
