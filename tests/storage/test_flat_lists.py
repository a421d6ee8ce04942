"""A page of a list costs the same of a few hundred entries and of ten thousand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from billing.catalog.flows import product_lists
from billing.invoices.flows import invoice_list
from billing.invoices.flows.invoice_list import Filter
from billing.kernel.flows import subscription_list
from billing.kernel.list_rows import SubscriptionFilter, of_customer, of_subscription
from billing.kernel.lists import Page
from billing.kernel.orders import OrderKind
from billing.kernel.search_words import Search
from billing.kernel.subscription import State
from billing.kernel.values import replace
from billing.kernel.writes import E, Insert
from billing.storage.addresses import IndexPartition, Key, Row
from billing.storage.memory.items import MemoryItems
from billing.storage.store import ItemStore
from tests.storage.examples import customer, invoice, order, product, subscription
from tests.world import World

FEW, MANY = 600, 10_000
APART = timedelta(seconds=30)
"""Ten thousand entries are three and a half days apart: a list by month reads one month."""


class CountedItems(MemoryItems):
    """Items in memory that count what is asked of them, and how much of it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[str] = Counter()

    def rows(
        self, partition: IndexPartition[E], *, newest_first: bool = False, limit: int | None = None
    ) -> list[Row[E]]:
        found = super().rows(partition, newest_first=newest_first, limit=limit)
        self.asked += Counter(queries=1, rows=len(found))
        return found

    def get_many(self, keys: Sequence[Key[E]]) -> list[E | None]:
        self.asked += Counter(batches=1, items=len(keys))
        return super().get_many(keys)


def stocked(count: int) -> tuple[World, CountedItems]:
    """Returns a world with so many sales, each of another customer; one in a hundred stands out."""
    items, world = CountedItems(), World()
    world.store = ItemStore(items)
    world.ports = replace(world.ports, store=world.store)
    world.merchant = replace(world.merchant, id="mer_1", catalog_listed_at=world.now)
    for n in range(count):
        rare = n % 100 == 0
        at, owner = world.now + n * APART, f"cus_{n}"
        sold = replace(
            subscription(n, customer=owner, at=at),
            state=State.PAUSED if rare else State.ACTIVE,
            product="prod_2" if rare else "prod_1",
        )
        name = f"{'Rarely' if rare else 'Mostly'}{n:05d} Smith"
        person = replace(customer(owner), name=name, email=f"n{n}@example.com", created_at=at)
        paid = replace(
            order(n, customer=owner, at=at), kind=OrderKind.REBILL, invoice=f"sub_{n}.0001"
        )
        of_it = invoice(n, customer=owner, at=at)
        rows = (*of_subscription(sold), *of_customer(person))
        offered = replace(product(f"prod_of_{n}", at=at), name=f"{'Rare' if rare else 'Usual'} {n}")
        world.store.commit(*map(Insert, (sold, person, paid, of_it, offered, *rows)))
    world.now += count * APART
    return world, items


LISTS: dict[str, Callable[[World, str | None], Page[Any]]] = {
    "subscriptions": lambda w, at: _subscriptions(w, at),
    "in a state": lambda w, at: _subscriptions(w, at, state=State.ACTIVE),
    "in a rare state": lambda w, at: _subscriptions(w, at, state=State.PAUSED),
    "of a product": lambda w, at: _subscriptions(w, at, product="prod_1"),
    "of a rare product": lambda w, at: _subscriptions(w, at, product="prod_2"),
    "of a product, in a state": lambda w, at: _subscriptions(
        w, at, product="prod_2", state=State.PAUSED
    ),
    "of a price point": lambda w, at: _subscriptions(w, at, price_point="mer_1.pp1"),
    "customers": lambda w, at: w.store.customers("mer_1", limit=2, cursor=at),
    "by a word of all": lambda w, at: _found(w, at, "smith"),
    "by a rare word": lambda w, at: _found(w, at, "rarely"),
    "by two words": lambda w, at: _found(w, at, "rarely smith"),
    "products": lambda w, at: product_lists.made(w.ports, w.merchant, limit=2, cursor=at),
    "invoices": lambda w, at: invoice_list.page(
        w.ports, w.merchant, Filter(), limit=2, cursor=at, now=w.now
    ),
}


def _subscriptions(world: World, cursor: str | None, **filters: Any) -> Page[Any]:
    where = SubscriptionFilter(**filters)
    return subscription_list.page(
        world.ports, world.merchant, where, limit=2, cursor=cursor, now=world.now
    )


def _found(world: World, cursor: str | None, typed: str) -> Page[Any]:
    search = Search.of(typed)
    assert search is not None
    return world.store.customers_found("mer_1", search, limit=2, cursor=cursor)


@pytest.fixture(scope="module")
def few_and_many() -> tuple[tuple[World, CountedItems], tuple[World, CountedItems]]:
    return stocked(FEW), stocked(MANY)


@pytest.mark.parametrize("name", LISTS)
def test_a_page_costs_the_same_of_ten_thousand_entries(
    few_and_many: tuple[tuple[World, CountedItems], tuple[World, CountedItems]], name: str
) -> None:
    costs = []
    for world, items in few_and_many:
        items.asked.clear()
        first = LISTS[name](world, None)
        assert len(first.data) == 2 and first.next is not None
        cost = [dict(items.asked)]
        items.asked.clear()
        second = LISTS[name](world, first.next)
        assert second.data and not set(first.data) & set(second.data)
        costs.append([*cost, dict(items.asked)])
    few, many = costs
    assert few == many
    assert all(page["queries"] <= 2 and page["batches"] <= 3 for page in many)
