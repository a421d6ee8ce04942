"""Products and price points are taken off sale, and what was sold goes on (P-14, P-15, A-4)."""

from __future__ import annotations

from typing import Any

import pytest

from billing.catalog.flows import directory
from billing.kernel.catalog import Cancellation
from billing.kernel.errors import NotFound
from billing.kernel.subscription import State
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.plans.flows import usage
from tests.web.shop import MONTHLY, PRODUCT, Shop
from tests.world import World

YEARLY = {**MONTHLY, "period": "1y"}


@pytest.fixture
def shop() -> Shop:
    return Shop()


def created(shop: Shop, *points: dict[str, Any]) -> Any:
    sold = {**PRODUCT, "price_points": list(points or (MONTHLY,))}
    return shop.api.post("/v1/products", sold).json


def listed(world: World) -> list[str]:
    return [each.product_name for each in directory.listings(world.ports, now=world.now).data]


@pytest.mark.spec("P-1", "A-4")
def test_an_archived_product_is_not_sold_nor_listed_nor_counted(shop: Shop) -> None:
    made, world = created(shop), shop.world
    address = f"/v1/products/{made['id']}"
    assert usage.of(world.ports, world.merchant, world.now)["products"] == 1
    assert listed(world) == ["Course"]
    answer = shop.api.call("DELETE", address)
    assert (answer.status, answer.body) == (204, "")
    assert usage.of(world.ports, world.merchant, world.now)["products"] == 0
    assert listed(world) == []
    kept = shop.api.get(address).json
    assert kept["archived"] and kept["price_points"][0]["archived"]
    assert shop.api.call("DELETE", address).status == 204, "asking again is no error"
    with pytest.raises(NotFound, match="offer_ended"):
        world.submit(made["default_price_point"], world.submission())
    back = shop.api.call("PATCH", address, {"archived": False}).json
    assert not back["archived"]
    assert listed(world) == ["Course"]
    assert world.submit(made["default_price_point"], world.submission()).purchase


@pytest.mark.spec("P-18")
def test_what_was_sold_goes_on_when_its_product_is_archived(shop: Shop) -> None:
    world = shop.world
    world.buy()
    (product,) = shop.api.get("/v1/products").json["data"]
    shop.api.call("DELETE", f"/v1/products/{product['id']}")
    world.advance(days=40)
    assert world.subscription().state is State.ACTIVE
    assert world.subscription().payments_made == 2


@pytest.mark.spec("P-15", "P-18")
def test_how_a_price_point_is_cancelled_can_change_for_new_purchases(shop: Shop) -> None:
    made, world = created(shop), shop.world
    (point,) = made["price_points"]
    world.submit(point["id"], world.submission())
    address = f"/v1/price-points/{point['id']}"
    changed = shop.api.call("PATCH", address, {"cancellation": "instant"})
    assert changed.status == 200
    assert changed.json == {**point, "cancellation": "instant", "version": 2}
    assert shop.api.call("PATCH", address, {"cancellation": "instant"}).json["version"] == 2
    assert world.subscription().terms.cancellation is Cancellation.DELAYED
    world.submit(point["id"], world.submission(email="bob@example.com"))
    bobs = world.subscription("bob@example.com")
    assert (bobs.terms.cancellation, bobs.price_version) == (Cancellation.INSTANT, 2)
    assert listed(world) == ["Course"]


@pytest.mark.spec("P-14")
def test_a_price_point_is_made_the_default_archived_and_put_back(shop: Shop) -> None:
    made = created(shop, MONTHLY, YEARLY)
    monthly, yearly = (each["id"] for each in made["price_points"])
    product = f"/v1/products/{made['id']}"

    def change(point: str, **fields: Any) -> Any:
        return shop.api.call("PATCH", f"/v1/price-points/{point}", fields)

    assert change(yearly, default=True).json["default"] is True
    assert shop.api.get(product).json["default_price_point"] == yearly
    off = change(yearly, archived=True).json
    assert (off["archived"], off["default"]) == (True, False)
    assert shop.api.get(product).json["default_price_point"] == monthly, "exactly one, always"
    assert change(yearly, archived=True).json == off, "asking again is no error"
    assert (change(monthly, archived=True).json["code"]) == "last_price_point"
    assert change(yearly, default=True).fields == ["default"]
    assert change(yearly, archived=False, default=True).json["default"] is True
    assert len(shop.api.get(product).json["price_points"]) == 2
    assert change(yearly, default=False).status == 422
    assert change(yearly, price=MONTHLY["price"]).status == 422, "a price never changes (P-18)"
    assert change("acme.unknown", archived=True).status == 404
    assert shop.other.call("PATCH", f"/v1/price-points/{yearly}", {"archived": True}).status == 404


@pytest.mark.spec("P-14")
def test_the_directory_follows_the_version_of_the_default_price_point(shop: Shop) -> None:
    made, world = created(shop, MONTHLY, YEARLY), shop.world
    yearly = made["price_points"][1]["id"]

    def version() -> int:
        found = world.store.product("acme", made["id"])
        assert found is not None
        return found.default_version

    shop.api.call("PATCH", f"/v1/price-points/{yearly}", {"cancellation": "instant"})
    assert version() == 1
    shop.api.call("PATCH", f"/v1/products/{made['id']}", {"default_price_point": yearly})
    assert version() == 2
    shop.api.call("PATCH", f"/v1/price-points/{yearly}", {"cancellation": "delayed"})
    assert version() == 3
    shop.api.call("DELETE", f"/v1/products/{made['id']}/price-points/{yearly}")
    assert version() == 1
    assert listed(world) == ["Course"]


@pytest.mark.spec("A-3")
@pytest.mark.parametrize("ended", ["suspended_from", "stopped"])
def test_a_merchant_who_sells_nothing_now_is_not_in_the_directory(shop: Shop, ended: str) -> None:
    created(shop)
    world = shop.world
    assert listed(world) == ["Course"]
    since: Any = {"suspended_from": world.now, "stopped": True}[ended]
    world.store.commit(Change(world.merchant, replace(world.merchant, **{ended: since})))
    assert listed(world) == []
