"""A page of the console reads as much of a large shop as of a small one (M-1, M-4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from billing.console.web.branding_previews import PREVIEWS
from billing.kernel.list_rows import of_customer, of_subscription
from billing.kernel.values import replace
from billing.kernel.writes import Insert
from billing.storage.memory.items import MemoryItems
from billing.team import reach
from functions.console import app as console
from functions.gateways import app as gateways
from tests.console.agent import Agent
from tests.storage import examples
from tests.web.shop import Shop
from tests.world import World

FEW, MANY = 120, 600
"""Both are more than a page shows, and than is offered to choose from."""

APART = timedelta(seconds=30)

BOUNDED = {
    "/console": "500 orders of a day, and 100 of what needs a look",
    "/console/attention": "20 reads of what is due, whatever it is",
    "/console/forecast": "2,000 subscriptions, and it says if there are more",
    "/console/search?q=smith": "20 reads of products by a word in their names",
}
"""Pages that read as much as this, and not more."""

WITH_ALL = {
    "/console/gateways": "an account names the products on sale at it",
}
"""Pages that read the whole catalog, with the reason."""

ASKING = {"/console/search": "q=smith"} | {
    f"/console/figures/{name}/rows": "from=2026-01&to=2026-01"
    for name in ("cohorts", "offers", "reasons", "recovery", "trials")
}
"""The questions of pages that answer one."""

ROUTES = [r for app in (console, gateways) for r in app.build(World().ports).routes]
PAGES = sorted(
    {
        route.path
        for route in ROUTES
        if route.method == "GET"
        and not ("/rows" in route.path and route.path in ASKING)
        and not reach.is_public(route.path)
        and not {"<", ".csv"} & {*route.path, route.path[-4:]}
    }
)


@pytest.fixture(scope="module")
def asked() -> Iterator[Counter[str]]:
    """Counts what the stores in memory are asked for, since it was cleared."""
    counted: Counter[str] = Counter()
    patch = pytest.MonkeyPatch()
    rows, get_many, query = MemoryItems.rows, MemoryItems.get_many, MemoryItems.query

    def rows_counted(items: MemoryItems, *place: Any, **more: Any) -> Any:
        found = rows(items, *place, **more)
        counted.update(queries=1, rows=len(found))
        return found

    def get_counted(items: MemoryItems, keys: Any) -> Any:
        counted.update(batches=1, items=len(keys))
        return get_many(items, keys)

    def query_counted(items: MemoryItems, *place: Any, **more: Any) -> Any:
        found = list(query(items, *place, **more))
        counted.update(partitions=1, entries=len(found))
        return found

    patch.setattr(MemoryItems, "rows", rows_counted)
    patch.setattr(MemoryItems, "query", query_counted)
    patch.setattr(MemoryItems, "get_many", get_counted)
    yield counted
    patch.undo()


def stocked(count: int) -> Agent:
    """A signed-in merchant with so many of everything that is listed."""
    shop = Shop()
    world, now = shop.world, shop.world.now
    world.change_merchant(catalog_listed_at=now, lists_complete_at=now)
    for n in range(count):
        at, owner = now - (count - n) * APART, f"cus_{n}"
        mine: dict[str, Any] = {"merchant": "acme"}
        sold = replace(examples.subscription(n, customer=owner, at=at), **mine)
        person = replace(examples.customer(owner), **mine, created_at=at)
        person = replace(person, name=f"Ann{n:05d} Smith", email=f"n{n}@example.com")
        paid = replace(examples.order(n, customer=owner, at=at), **mine)
        billed = replace(examples.invoice(n, customer=owner, at=at), **mine)
        point = replace(examples.price_point(), **mine, id=f"acme.{n}", product=f"prod_of_{n}")
        offered = replace(
            examples.product(f"prod_of_{n}", at=at),
            **mine,
            price_points=(point.id,),
            default_price_point=point.id,
        )
        rows = (*of_subscription(sold), *of_customer(person))
        world.store.commit(*map(Insert, (sold, person, paid, billed, offered, point, *rows)))
    return Agent.of(shop)


@pytest.fixture(scope="module")
def shops() -> tuple[Agent, Agent]:
    return stocked(FEW), stocked(MANY)


@pytest.mark.spec("M-1", "M-4")
@pytest.mark.parametrize("address", [*PAGES, *(f"{at}?{asks}" for at, asks in ASKING.items())])
def test_a_page_reads_as_much_of_a_large_shop_as_of_a_small_one(
    shops: tuple[Agent, Agent], asked: Counter[str], address: str
) -> None:
    costs = []
    for agent in shops:
        asked.clear()
        answer = agent.client.browse("GET", address)
        assert answer.status in {200, 303, 409}, answer.status
        costs.append(dict(asked))
    few, many = costs
    assert few == many or address in BOUNDED or address in WITH_ALL
    assert many.get("queries", 0) <= 30, many


@pytest.mark.spec("M-11")
@pytest.mark.parametrize(
    "address",
    [
        *(f"/console/branding/preview/{what}" for what in PREVIEWS),
        "/console/mails/en/receipt/preview/html",
    ],
)
def test_a_preview_reads_as_much_of_a_large_shop_as_of_a_small_one(
    shops: tuple[Agent, Agent], asked: Counter[str], address: str
) -> None:
    costs = []
    for agent in shops:
        agent.csrf()
        asked.clear()
        assert agent.send(address).status == 200
        costs.append(dict(asked))
    assert costs[0] == costs[1]
