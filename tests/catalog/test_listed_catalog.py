"""A merchant's catalog is read page by page, however large it is (M-4)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from billing.accounts.flows import own_plan
from billing.catalog.flows import product_lists
from billing.kernel.catalog import Cancellation
from billing.kernel.values import replace
from billing.plans.flows import usage
from billing.privacy.flows import erase_merchant
from tests.console.agent import Agent
from tests.web.shop import MONTHLY, Shop
from tests.world import World

MANY = 230


@pytest.fixture(scope="module")
def shop() -> Shop:
    """A merchant with a listed catalog: every tenth product is a rare one, the last is archived."""
    world = World()
    shop = Shop(world)
    world.change_merchant(catalog_listed_at=world.now)
    for n in range(MANY):
        name = f"{'Rare' if n % 10 == 0 else 'Usual'} thing {n}"
        body = {"name": name, "gateways": ["sandbox"], "price_points": [MONTHLY]}
        made = shop.api.post("/v1/products", body).json
        world.now += timedelta(seconds=1)
    shop.api.call("DELETE", f"/v1/products/{made['id']}")
    return shop


@pytest.fixture
def no_whole_read(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> None:
        raise AssertionError("the whole catalog is read")

    monkeypatch.setattr(type(shop.world.store), "catalog", refused)


@pytest.mark.spec("M-4")
@pytest.mark.usefixtures("no_whole_read")
def test_all_products_are_listed_newest_first_with_their_prices(shop: Shop) -> None:
    names, cursor = [], ""
    while True:
        answer = shop.api.get(f"/v1/products?limit=100{cursor}").json
        names += [each["name"] for each in answer["data"]]
        assert all(len(each["price_points"]) == 1 for each in answer["data"])
        if answer["next"] is None:
            break
        cursor = f"&cursor={answer['next']}"
    assert [int(name.split()[-1]) for name in names] == list(range(MANY))[::-1]


@pytest.mark.spec("M-4")
@pytest.mark.usefixtures("no_whole_read")
def test_pages_of_the_console_read_no_whole_catalog(shop: Shop) -> None:
    agent = Agent.of(shop)
    assert "Usual thing 229" in agent.look("/console/products").text
    rare = agent.look("/console/products?q=rare")
    links = [each.text for each in rare.one("main").all("li")]
    assert len(links) == 23
    assert "Rare thing 0" in agent.look("/console/search?q=rare+thing+0").text
    assert "Usual thing 229" in agent.look("/console/products?state=archived").text
    agent.look("/console")
    agent.look("/console/subscriptions")
    shop.api.call("PATCH", "/v1/settings", {"currency": "EUR"})


@pytest.mark.spec("M-4")
def test_a_page_asks_the_same_of_few_products_and_of_many(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    for name in ("products_made", "newest_price_points", "catalog", "price_point"):
        kept = getattr(type(shop.world.store), name)

        def counted(*args: Any, _kept: Any = kept, _name: str = name, **named: Any) -> Any:
            asked.append(_name)
            return _kept(*args, **named)

        monkeypatch.setattr(type(shop.world.store), name, counted)
    Agent.of(shop).look("/console/products")
    assert asked.count("products_made") == 1 and asked.count("newest_price_points") == 1
    assert len(asked) == 2


@pytest.mark.spec("P-14", "P-15")
def test_a_page_of_a_product_has_the_newest_version_of_each_price_on_sale_or_off(
    shop: Shop,
) -> None:
    delayed = MONTHLY | {"cancellation": "delayed"}
    body = {"name": "Versions", "gateways": ["sandbox"], "price_points": [delayed, delayed]}
    made = shop.api.post("/v1/products", body).json
    first, second = (each["id"] for each in made["price_points"])
    for n in range(5):
        to = "instant" if n % 2 == 0 else "delayed"
        shop.api.call("PATCH", f"/v1/price-points/{first}", {"cancellation": to})
    shop.api.call("PATCH", f"/v1/price-points/{second}", {"archived": True})
    merchant = shop.world.store.merchant("acme")
    assert merchant is not None
    found, on_sale, off_sale = product_lists.whole(shop.world.ports, merchant, made["id"])
    assert [(p.id, p.version) for p in on_sale] == [(first, 6)]
    assert [p.id for p in off_sale] == [second]
    before = replace(merchant, catalog_listed_at=None)
    assert product_lists.whole(shop.world.ports, before, made["id"]) == (found, on_sale, off_sale)


@pytest.mark.spec("A-4")
@pytest.mark.usefixtures("no_whole_read")
def test_what_an_account_uses_is_counted_by_the_list(shop: Shop) -> None:
    world = shop.world
    used = usage.of(world.ports, world.merchant, world.now)["products"]
    body = {"name": "Another", "gateways": ["sandbox"], "price_points": [MONTHLY]}
    made = shop.api.post("/v1/products", body).json
    assert used >= MANY - 1, "more than a page of them; what is archived is left out"
    assert usage.of(world.ports, world.merchant, world.now)["products"] == used + 1
    shop.api.call("DELETE", f"/v1/products/{made['id']}")
    assert usage.of(world.ports, world.merchant, world.now)["products"] == used


@pytest.mark.spec("A-4")
@pytest.mark.usefixtures("no_whole_read")
def test_the_platforms_plans_are_found_by_the_list(shop: Shop) -> None:
    world = shop.world
    operation = replace(world.ports.operation, platform=world.merchant.id)
    ports = replace(world.ports, operation=operation)
    assert own_plan.offers(ports) == [], "none of its products opens an account"
    named = []
    for name in ("Starter", "Pro"):
        sold = {"gateways": ["sandbox"], "grants": ["account"], "price_points": [MONTHLY]}
        named.append(shop.api.post("/v1/products", {"name": name, **sold}).json["id"])
        world.now += timedelta(seconds=1)
    assert [offer.product.name for offer in own_plan.offers(ports)] == ["Starter", "Pro"]
    for product in named:
        shop.api.call("DELETE", f"/v1/products/{product}")
    assert own_plan.offers(ports) == []


@pytest.mark.spec("A-6")
def test_a_listed_catalog_is_erased_a_product_at_a_time_with_all_its_versions() -> None:
    world = World()
    shop = Shop(world)
    world.change_merchant(catalog_listed_at=world.now)
    for n in range(5):
        body = {"name": f"Thing {n}", "gateways": ["sandbox"], "price_points": [MONTHLY, MONTHLY]}
        made = shop.api.post("/v1/products", body).json
        world.now += timedelta(seconds=1)
        point = made["price_points"][1]["id"]
        for cancellation in (Cancellation.DELAYED, Cancellation.INSTANT):
            change = {"cancellation": cancellation.value}
            assert shop.api.call("PATCH", f"/v1/price-points/{point}", change).status == 200
    left = []
    while not erase_merchant.shop(world.ports, world.merchant, lambda: False):
        left.append(len(world.store.catalog("acme")[0]))
        assert len(left) < 20
    assert left[:5] == [4, 3, 2, 1, 0], "each slice goes on where the last one stopped"
    products, points = world.store.catalog("acme")
    assert (products, points) == ((), ())
    assert world.store.price_points([(point, version) for version in (1, 2, 3)]) == [None] * 3
