"""A request costs the same of a customer who paid 20 times and of one who paid 10,000 times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from billing.api.flows import keys
from billing.customers.flows import customers
from billing.kernel import portal_links
from billing.kernel.merchants import ApiKey, PortalKind, SelfService
from billing.kernel.values import replace
from billing.kernel.writes import E, Insert, Transaction
from billing.storage.addresses import IndexPartition, Key, Partition, Row
from billing.storage.memory.items import MemoryItems
from billing.storage.store import ItemStore
from functions.merchant import app as merchant_app
from tests.long_payer import WEEKLY, renewed
from tests.portal.visitors import Shop, Visitor
from tests.web.calls import Client
from tests.world import World

PAID = (20, 1_000, 10_000)
"""The first is less than a page of payments: the same calls, with fewer items."""

SECRET = "sk_growth"


class CountedItems(MemoryItems):
    """Items in memory that count the reads, and the items read, while they are counting."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[str] = Counter()

    def get(self, key: Key[E]) -> E | None:
        self.asked += Counter(gets=1)
        return super().get(key)

    def get_many(self, keys: Sequence[Key[E]]) -> list[E | None]:
        self.asked += Counter(batches=1, items=len(keys))
        return super().get_many(keys)

    def query(
        self, partition: Partition[E], *, newest_first: bool = False, limit: int | None = None
    ) -> list[E]:
        found = super().query(partition, newest_first=newest_first, limit=limit)
        self.asked += Counter(queries=1, items=len(found))
        return found

    def rows(
        self, partition: IndexPartition[E], *, newest_first: bool = False, limit: int | None = None
    ) -> list[Row[E]]:
        found = super().rows(partition, newest_first=newest_first, limit=limit)
        self.asked += Counter(queries=1, rows=len(found))
        return found

    def write(self, transaction: Transaction) -> None:
        self.asked += Counter(writes=1, written=len(transaction))
        super().write(transaction)


@dataclass
class Payer:
    """A world in which somebody has paid so many times, with who looks at it."""

    shop: Shop
    items: CountedItems
    visitor: Visitor
    program: Client

    @property
    def world(self) -> World:
        return self.shop.world


def payer(paid: int) -> Payer:
    items, world = CountedItems(), World()
    world.store = ItemStore(items)
    world.ports = replace(world.ports, store=world.store)
    world.store.commit(Insert(world.merchant))
    world.store.commit(Insert(ApiKey("key_1", keys.digest(SECRET), "acme", world.now)))
    world.change_merchant(link_key="link-key")
    shop = Shop(world)
    shop.set(self_refund=SelfService.AUTOMATIC, portal=PortalKind.HELPDESK)
    world.buy(world.product(WEEKLY, refund_days=3000))
    world.work()
    renewed(world, paid - 1)
    return Payer(shop, items, shop.signed_in(), Client(merchant_app.build(world.ports), SECRET))


def older(payer: Payer) -> str:
    body = payer.visitor.browse("GET", "/portal/acme").body
    return body.split('href="/portal/acme?before=')[1].split('"')[0]


def see(page: str) -> Callable[[Payer], Any]:
    return lambda payer: payer.visitor.see(page.format(**_names(payer.world)))


def call(address: str) -> Callable[[Payer], Any]:
    def send(payer: Payer) -> Any:
        answer = payer.program.get(address.format(**_names(payer.world)))
        assert answer.status == 200, answer.body
        return answer

    return send


def _names(world: World) -> dict[str, str]:
    customer = world.store.customer_by_email("acme", "ann@example.com")
    assert customer is not None
    bought = min(world.store.subscriptions_of("acme", customer), key=lambda s: s.started_at)
    page = world.store.orders_of("acme", customer, limit=1)
    found = world.store.customer("acme", customer)
    assert found is not None
    link = portal_links.reference("link-key", found, bought.id, world.now)
    return {
        "customer": customer,
        "subscription": bought.id,
        "order": page.data[0].id,
        "invoice": page.data[0].invoice or "",
        "link": link,
    }


def bought_again(payer: Payer) -> None:
    """Somebody who has paid often buys something else."""
    product = payer.world.product()
    form = payer.world.submission(attempt_key=f"again-{payer.world.ports.new_id('attempt')}")
    assert payer.world.submit(product.default_price_point, form).purchase


def had_access(payer: Payer) -> None:
    world = payer.world
    assert customers.has_access(world.ports, "acme", "ann@example.com", "course", now=world.now)


REQUESTS: dict[str, Callable[[Payer], Any]] = {
    "portal": see(""),
    "cards": see("/cards"),
    "cancel": see("/subscriptions/{subscription}/cancel"),
    "address": see("/subscriptions/{subscription}/address"),
    "refund": see("/orders/{order}/refund"),
    "mail's link": see("/mail/{link}"),
    "access": had_access,
    "GET /v1/customers/id": call("/v1/customers/{customer}"),
    "GET /v1/access": call("/v1/access?email=ann@example.com&grant=course"),
    "GET /v1/orders?customer": call("/v1/orders?customer={customer}"),
    "GET /v1/orders?subscription": call("/v1/orders?subscription={subscription}&limit=20"),
    "GET /v1/invoices?customer": call("/v1/invoices?customer={customer}&limit=20"),
    "GET /v1/orders/id": call("/v1/orders/{order}"),
}
"""Requests of a customer, or about one."""


@pytest.fixture(scope="module")
def payers() -> list[Payer]:
    return [payer(paid) for paid in PAID]


@pytest.mark.spec("B-4")
@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_costs_the_same_after_ten_thousand_payments(
    payers: list[Payer], name: str
) -> None:
    costs = []
    for each in payers:
        each.items.asked.clear()
        REQUESTS[name](each)
        costs.append(dict(each.items.asked))
    few, more, many = costs
    assert more == many
    assert {**few, "items": 0} == {**many, "items": 0}
    assert few["items"] <= many["items"] <= 250, many


@pytest.mark.spec("B-4")
def test_an_older_page_costs_the_same_after_ten_thousand_payments(payers: list[Payer]) -> None:
    costs = []
    for each in payers[1:]:
        address = older(each)
        each.items.asked.clear()
        assert each.visitor.see(f"?before={address}").text.count("$29.99") >= 50
        costs.append(dict(each.items.asked))
    assert costs[0] == costs[1]


@pytest.mark.spec("B-7")
def test_a_refund_costs_the_same_after_ten_thousand_payments(payers: list[Payer]) -> None:
    costs = []
    for each in payers:
        paid = each.world.store.order_by_id("acme", each.shop.order_ids()[0])
        assert paid is not None
        each.items.asked.clear()
        answer = each.visitor.post(f"/orders/{paid.id}/refund")
        assert answer.status == 303
        costs.append(dict(each.items.asked))
    assert costs[0] == costs[1] == costs[2]
    assert costs[0]["items"] <= 100


@pytest.mark.spec("C-2", "B-3")
def test_a_purchase_costs_the_same_after_ten_thousand_payments(payers: list[Payer]) -> None:
    costs = []
    for each in payers:
        each.items.asked.clear()
        bought_again(each)
        costs.append(dict(each.items.asked))
    assert costs[1] == costs[2]
    assert {**costs[0], "items": 0} == {**costs[1], "items": 0}


@pytest.mark.spec("X-1", "X-5")
def test_a_cancellation_costs_the_same_after_ten_thousand_payments(payers: list[Payer]) -> None:
    costs = []
    for each in payers:
        each.world.now += timedelta(seconds=1)
        subscription = _names(each.world)["subscription"]
        each.items.asked.clear()
        assert each.visitor.post(f"/subscriptions/{subscription}/cancel").status == 303
        costs.append(dict(each.items.asked))
    assert costs[0] == costs[1] == costs[2]
