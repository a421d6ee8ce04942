"""A very busy merchant's orders are spread over lists, and read as one (M-1)."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from billing.console.flows import home
from billing.kernel.flows import whole_lists
from billing.kernel.money import Currency, Money
from billing.kernel.orders import Order, OrderKind, list_of
from billing.kernel.values import replace
from billing.kernel.writes import Insert
from billing.operations.web import operator
from billing.storage.index_places import places_of
from tests.storage.conftest import Backend
from tests.world import World, meanwhile

pytestmark = pytest.mark.spec("M-1")

T0 = datetime(2026, 1, 31, 23, 59, 50, tzinfo=UTC)
LISTS = 3


def order(number: int, in_list: int) -> Order:
    return Order(
        id=f"ORDER-{number:02d}",
        merchant="acme",
        customer="cus_1",
        kind=OrderKind.REBILL,
        at=T0 + number * timedelta(seconds=1),
        amount=Money(1000, Currency.USD),
        product="prod_1",
        product_name="Course",
        price_point="acme.monthly",
        in_list=in_list,
    )


@pytest.mark.parametrize("limit", [1, 4, 100])
def test_orders_of_several_lists_are_paged_through_as_one_newest_first(
    backend: Backend, limit: int
) -> None:
    """They cross the end of a month, and those from before are in the first list."""
    orders = [order(number, number % LISTS) for number in range(20)]
    for each in orders:
        backend.store.commit(Insert(each))
    found: list[Order] = []
    cursor: str | None = None
    while True:
        page = backend.store.orders(
            "acme",
            since=T0,
            until=T0 + timedelta(days=1),
            limit=limit,
            cursor=cursor,
            lists=LISTS,
        )
        found += page.data
        cursor = page.next
        if cursor is None:
            break
    assert found == orders[::-1]


def renewed(lists: int) -> World:
    """A merchant with thirty renewals, and orders that were in one list before."""
    world = World(limits=False)
    product = world.product()
    for number in range(30):
        world.buy(product, email=f"{number}@example.com")
    told = {"do": "spread", "merchant": "acme", "lists": lists}
    assert meanwhile(lambda: operator.answer(world.ports, told))["order_lists"] == lists
    merchant = world.store.merchant("acme")
    assert merchant is not None
    world.merchant = merchant
    world.advance(days=28)
    return world


def test_the_renewals_of_a_merchant_who_is_spread_go_to_all_lists_and_are_listed_whole() -> None:
    world = renewed(4)
    entries = whole_lists.orders(world.ports, world.merchant, after="", now=world.now)
    found = [entry for entry, _ in entries]
    assert len(found) == 60
    assert [entry.at for entry in found] == sorted((entry.at for entry in found), reverse=True)
    renewals = [entry for entry in found if entry.kind is OrderKind.REBILL]
    assert all(entry.in_list == list_of(entry.id, 4) for entry in renewals)
    partitions = Counter(places_of(entry)["list"].pk for entry in renewals)
    assert len(partitions) == 4
    assert max(partitions.values()) < 20


@pytest.mark.spec("M-4")
def test_todays_takings_are_those_of_all_lists() -> None:
    world = renewed(4)
    today = home.home(world.ports, world.merchant, now=world.now).today
    assert today.counts == {"rebill": 30}
    assert [each.amount for each in today.takings] == [Money(30 * 2999, Currency.USD)]


def test_a_merchant_who_is_not_spread_is_in_one_list_and_its_orders_say_nothing_of_it() -> None:
    world = renewed(1)
    entries = whole_lists.orders(world.ports, world.merchant, after="", now=world.now)
    assert {entry.in_list for entry, _ in entries} == {0}


def test_lists_never_become_fewer() -> None:
    world = renewed(4)
    told = {"do": "spread", "merchant": "acme", "lists": 2}
    assert meanwhile(lambda: operator.answer(world.ports, told))["order_lists"] == 4


def test_an_order_stays_in_its_list_when_it_changes() -> None:
    kept = replace(order(1, 2), refunded_minor=500)
    assert places_of(kept)["list"] == places_of(order(1, 2))["list"]
