"""Products and price points over /v1."""

from __future__ import annotations

import json
from typing import Any

import pytest

from billing.kernel.catalog import PriceType
from billing.kernel.gateways import Capabilities
from billing.kernel.values import replace
from billing.kernel.writes import Change
from tests.web.shop import MONTHLY, PRODUCT, START, Shop

PREVIEW = {"price_point": MONTHLY, **START}


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_a_refused_request_leaves_nothing_behind(shop: Shop) -> None:
    wrong = {**MONTHLY, "price": {"amount": 0, "currency": "USD"}}
    shop.api.post("/v1/products", {**PRODUCT, "price_points": [MONTHLY, wrong]})
    assert shop.api.get("/v1/products").json == {"data": [], "next": None}


@pytest.mark.parametrize("document", [[], "x", 1, None, True, {}])
@pytest.mark.parametrize("address", ["/v1/preview", "/v1/products"])
def test_a_body_that_is_no_such_object_is_422(shop: Shop, address: str, document: Any) -> None:
    sent = json.dumps(document)
    assert shop.api.call("POST", address, json.loads(sent)).status == 422


def test_a_product_is_made_with_ids_and_its_own_id_as_grant(shop: Shop) -> None:
    answer = shop.api.post("/v1/products", PRODUCT)
    assert answer.status == 201
    made = answer.json
    assert made["id"].startswith("prod_")
    (point,) = made["price_points"]
    assert point["id"].startswith("acme.")
    assert made["default_price_point"] == point["id"]
    assert made["grants"] == [made["id"]]
    assert point["checkout_url"] == f"https://pay.example.com/checkout/{point['id']}"
    assert {key: point[key] for key in MONTHLY} == MONTHLY
    assert shop.api.get(f"/v1/products/{made['id']}").json == made
    assert shop.api.get("/v1/products").json == {"data": [made], "next": None}


def test_every_type_of_price_point_comes_back_as_it_was_sent(shop: Shop) -> None:
    points = [
        {"type": "one_time", "price": {"amount": 9900, "currency": "USD"}},
        {"type": "one_time", "initial": {"amount": 100, "period": {"weeks": 2}}},
        MONTHLY,
        {"type": "installment", "period": "2w", "installments": 4},
        {"type": "recurring_installment", "period": "1m", "installments": 3, "cycle": "2y"},
    ]
    sent = [{"price": MONTHLY["price"], "cancellation": "instant", **point} for point in points]
    made = shop.api.post("/v1/products", {**PRODUCT, "price_points": sent}).json
    for given, point in zip(sent, made["price_points"], strict=True):
        assert {key: point[key] for key in given} == given


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "   "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "a\u2028b"}, "name"),
        ({"name": 1}, "name"),
        ({"public_listing": "yes"}, "public_listing"),
        ({"public_listing": 1}, "public_listing"),
        ({"refund_days": -1}, "refund_days"),
        ({"refund_days": 3651}, "refund_days"),
        ({"refund_days": "14"}, "refund_days"),
        ({"refund_days": 10**30}, "refund_days"),
        ({"gateways": []}, "gateways"),
        ({"gateways": ["stripe"]}, "gateways"),
        ({"gateways": ["sandbox", "sandbox"]}, "gateways"),
        ({"gateways": "sandbox"}, "gateways"),
        ({"gateways": [1]}, "gateways[0]"),
        ({"grants": []}, "grants"),
        ({"grants": ["a#b"]}, "grants[0]"),
        ({"grants": [""]}, "grants[0]"),
        ({"grants": ["a", "a"]}, "grants"),
        ({"grants": ["x" * 101]}, "grants[0]"),
        ({"grants": ["a"] * 21}, "grants"),
        ({"price_points": []}, "price_points"),
        ({"price_points": [MONTHLY] * 51}, "price_points"),
        ({"price_points": {}}, "price_points"),
        ({"id": "mine"}, "id"),
        ({"merchant": "rival"}, "merchant"),
    ],
)
def test_a_wrong_product_is_422_naming_the_field(
    shop: Shop, change: dict[str, Any], field: str
) -> None:
    answer = shop.api.post("/v1/products", {**PRODUCT, **change})
    assert answer.status == 422
    assert field in answer.fields


@pytest.mark.spec("P-20")
def test_a_product_has_the_accounts_currency(shop: Shop) -> None:
    terms = {**MONTHLY, "price": {"amount": 2999, "currency": "EUR"}}
    answer = shop.api.post("/v1/products", {**PRODUCT, "price_points": [terms]})
    assert (answer.status, answer.fields) == (422, ["price_points[0].price.currency"])


@pytest.mark.spec("P-17", "P-18")
def test_a_gateway_refuses_at_set_up_what_it_cannot_charge(shop: Shop) -> None:
    sets = {**MONTHLY, "type": "recurring_installment", "installments": 3, "cycle": "1y"}
    shop.world.sandbox.capabilities = Capabilities(
        minimum_minor=50, cannot_charge=frozenset({PriceType.RECURRING_INSTALLMENT})
    )
    beyond = shop.api.post("/v1/products", {**PRODUCT, "price_points": [sets]})
    assert (beyond.status, beyond.fields) == (422, ["gateways"])
    assert "sandbox" in beyond.json["detail"]
    little = {**MONTHLY, "price": {"amount": 49, "currency": "USD"}}
    under = shop.api.post("/v1/products", {**PRODUCT, "price_points": [little]})
    assert (under.status, under.fields) == (422, ["price_points[0].price.amount"])
    begins = {**MONTHLY, "initial": {"amount": 49, "period": {"days": 1}}}
    under = shop.api.post("/v1/products", {**PRODUCT, "price_points": [begins]})
    assert (under.status, under.fields) == (422, ["price_points[0].initial.amount"])
    made = shop.api.post("/v1/products", PRODUCT).json
    added = shop.api.post(f"/v1/products/{made['id']}/price-points", little)
    assert (added.status, added.fields) == (422, ["price.amount"])


@pytest.mark.spec("P-17", "P-18")
def test_a_change_of_gateways_is_refused_where_they_cannot_charge_what_is_on_sale(
    shop: Shop,
) -> None:
    made = shop.api.post("/v1/products", PRODUCT).json
    address = f"/v1/products/{made['id']}"
    little = {**MONTHLY, "price": {"amount": 60, "currency": "USD"}}
    point = shop.api.post(f"{address}/price-points", little).json["id"]
    shop.world.sandbox.capabilities = Capabilities(minimum_minor=100)
    again = {"gateways": ["sandbox"]}
    assert shop.api.call("PATCH", address, {**again, "name": "New"}).json["name"] == "New", "as is"
    product = shop.world.store.product("acme", made["id"])
    assert product is not None
    shop.world.store.commit(Change(product, replace(product, gateways=("elsewhere",))))
    under = shop.api.call("PATCH", address, again)
    assert (under.status, under.fields) == (422, ["gateways"])
    assert "$1.00" in under.json["detail"]
    assert shop.api.call("PATCH", f"/v1/price-points/{point}", {"archived": True}).status == 200
    assert shop.api.call("PATCH", address, again).status == 200
    back = shop.api.call("PATCH", f"/v1/price-points/{point}", {"archived": False})
    assert (back.status, back.fields) == (422, ["archived"]), "it could not be charged"


@pytest.mark.spec("C-3")
def test_other_grants_are_for_those_who_buy_from_then_on(shop: Shop) -> None:
    made = shop.api.post("/v1/products", {**PRODUCT, "grants": ["lessons"]}).json
    product = shop.world.store.product("acme", made["id"])
    assert product is not None
    shop.world.buy(product)
    changed = shop.api.call("PATCH", f"/v1/products/{made['id']}", {"grants": ["forum"]})
    assert (changed.status, changed.json["grants"]) == (200, ["forum"])
    shop.world.buy(product, email="bob@example.com")
    held = [
        [entitlement.grant for entitlement in shop.world.history(email).entitlements]
        for email in ("ann@example.com", "bob@example.com")
    ]
    assert held == [["lessons"], ["forum"]]


@pytest.mark.spec("P-20")
@pytest.mark.parametrize("typed", ["usd", "Usd"])
def test_a_currency_may_be_sent_in_lower_case(shop: Shop, typed: str) -> None:
    terms = {**MONTHLY, "price": {"amount": 2999, "currency": typed}}
    made = shop.api.post("/v1/products", {**PRODUCT, "price_points": [terms]})
    assert made.status == 201
    assert made.json["price_points"][0]["price"]["currency"] == "USD"
    settings = shop.other.call("PATCH", "/v1/settings", {"currency": "eur"})
    assert (settings.status, settings.json["currency"]) == (200, "EUR")
    for wrong in ("us", "uſd", 1, None, ""):
        terms = {**MONTHLY, "price": {"amount": 2999, "currency": wrong}}
        refused = shop.api.post("/v1/products", {**PRODUCT, "price_points": [terms]})
        assert refused.status == 422 and "price_points[0].price.currency" in refused.fields


@pytest.mark.spec("P-14")
def test_the_default_moves_by_choice_and_when_it_is_removed(shop: Shop) -> None:
    made = shop.api.post("/v1/products", PRODUCT).json
    address = f"/v1/products/{made['id']}"
    added = shop.api.post(f"{address}/price-points", {**MONTHLY, "period": "1y"})
    assert (added.status, added.json["default"]) == (201, False)
    first, second = made["price_points"][0]["id"], added.json["id"]
    moved = shop.api.call("PATCH", address, {"default_price_point": second}).json
    assert [p["default"] for p in moved["price_points"]] == [False, True]
    left = shop.api.call("DELETE", f"{address}/price-points/{second}")
    assert left.status == 200
    assert left.json["default_price_point"] == first
    assert [p["id"] for p in left.json["price_points"]] == [first]
    last = shop.api.call("DELETE", f"{address}/price-points/{first}")
    assert (last.status, last.json["code"]) == (409, "last_price_point")
    assert shop.api.call("DELETE", f"{address}/price-points/{second}").status == 404


@pytest.mark.spec("P-18")
def test_a_removed_price_point_sells_no_more_and_changes_nothing_that_was_sold(shop: Shop) -> None:
    made = shop.api.post("/v1/products", PRODUCT).json
    product = shop.world.store.product("acme", made["id"])
    assert product is not None
    bought = shop.world.buy(product)
    address = f"/v1/products/{made['id']}/price-points"
    shop.api.post(address, {**MONTHLY, "price": {"amount": 100, "currency": "USD"}})
    shop.api.call("DELETE", f"{address}/{product.default_price_point}")
    shop.world.advance(days=40)
    assert [o["amount"]["amount"] for o in shop.api.get("/v1/orders").json["data"]] == [2999] * 2
    kept = shop.api.call("GET", f"/v1/subscriptions/{bought.purchase}").json
    assert kept["terms"]["price"]["amount"] == 2999


def test_a_product_is_changed_field_by_field(shop: Shop) -> None:
    made = shop.api.post("/v1/products", PRODUCT).json
    address = f"/v1/products/{made['id']}"
    for change in (
        {"name": "Other"},
        {"public_listing": False},
        {"refund_days": 0},
        {"gateways": ["sandbox"]},
        {"grants": ["lessons", "forum"]},
    ):
        made |= change
        assert shop.api.call("PATCH", address, change).json == made
    assert shop.api.call("PATCH", address, {}).json == made


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"refund_days": 3651}, "refund_days"),
        ({"public_listing": None}, "public_listing"),
        ({"default_price_point": "acme.unknown"}, "default_price_point"),
        ({"gateways": []}, "gateways"),
        ({"gateways": ["stripe"]}, "gateways"),
        ({"gateways": None}, "gateways"),
        ({"grants": []}, "grants"),
        ({"grants": None}, "grants"),
        ({"grants": ["a", "a"]}, "grants"),
        ({"price_points": []}, "price_points"),
    ],
)
def test_a_wrong_change_is_422_and_changes_nothing(
    shop: Shop, change: dict[str, Any], field: str
) -> None:
    made = shop.api.post("/v1/products", PRODUCT).json
    answer = shop.api.call("PATCH", f"/v1/products/{made['id']}", {"name": "New"} | change)
    assert (answer.status, answer.fields) == (422, [field])
    assert shop.api.get(f"/v1/products/{made['id']}").json == made


def test_products_are_listed_newest_first_in_pages(shop: Shop) -> None:
    ids = []
    for n in range(5):
        shop.world.now = shop.world.now.replace(minute=n)
        ids.append(shop.api.post("/v1/products", {**PRODUCT, "name": f"P{n}"}).json["id"])
    seen: list[str] = []
    page = shop.api.get("/v1/products", limit="2").json
    while True:
        seen += [product["id"] for product in page["data"]]
        if page["next"] is None:
            break
        page = shop.api.get("/v1/products", limit="2", cursor=page["next"]).json
    assert seen == list(reversed(ids))


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "201"}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"limit": "9" * 5000}, "limit"),
        ({"cursor": "nothing"}, "cursor"),
        ({"cursor": "x" * 1001}, "cursor"),
        ({"page": "2"}, "page"),
    ],
)
def test_a_wrong_page_is_422(shop: Shop, query: dict[str, str], field: str) -> None:
    answer = shop.api.get("/v1/products", **query)
    assert (answer.status, answer.fields) == (422, [field])


def test_a_product_has_at_most_fifty_price_points(shop: Shop) -> None:
    made = shop.api.post("/v1/products", {**PRODUCT, "price_points": [MONTHLY] * 50}).json
    answer = shop.api.post(f"/v1/products/{made['id']}/price-points", MONTHLY)
    assert (answer.status, answer.json["code"]) == (409, "too_many_price_points")


@pytest.mark.parametrize("product", ["prod_unknown", "x" * 5000, "a b", "%00", "..", "prod_é"])
def test_an_unknown_product_is_404(shop: Shop, product: str) -> None:
    assert shop.api.call("GET", f"/v1/products/{product}").status == 404
    assert shop.api.call("PATCH", f"/v1/products/{product}", {}).status == 404
    assert shop.api.post(f"/v1/products/{product}/price-points", MONTHLY).status == 404
