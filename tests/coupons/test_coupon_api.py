"""Coupons by API: made, listed, ended, previewed, given to a subscription (C-8, CONTRACT.md)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.shop import MONTHLY, START, Shop

SPRING: dict[str, Any] = {"code": " spring-26", "basis_points": 2500, "duration": "once"}


def made(shop: Shop, **fields: Any) -> dict[str, Any]:
    answer = shop.api.post("/v1/coupons", {**SPRING, **fields})
    assert answer.status == 201, answer.json
    return dict(answer.json)


def preview(shop: Shop, coupon: dict[str, Any], count: int = 3, **price: Any) -> list[Any]:
    body = {"price_point": MONTHLY | price, **START, "count": count, "coupon": coupon}
    answer = shop.api.post("/v1/preview", body)
    assert answer.status == 200, answer.json
    return [
        (c["amount"]["amount"], c["discount"]["amount"], c["net"]["amount"], c["total"]["amount"])
        for c in answer.json["charges"]
    ]


@pytest.mark.spec("C-8")
def test_a_coupon_is_made_listed_and_ended() -> None:
    shop = Shop()
    assert made(shop) == {
        "code": "SPRING-26",
        "basis_points": 2500,
        "amount_off": None,
        "duration": "once",
        "charges": None,
        "applies_to_initial": False,
        "products": [],
        "price_points": [],
        "starts_at": None,
        "ends_at": None,
        "max_uses": None,
        "max_uses_per_customer": None,
        "active": True,
        "uses": 0,
        "created_at": "2026-01-31T15:00:00Z",
    }
    made(shop, code="AUTUMN")
    page = shop.api.get("/v1/coupons?limit=1").json
    assert [each["code"] for each in page["data"]] == ["AUTUMN"]
    rest = shop.api.get(f"/v1/coupons?limit=1&cursor={page['next']}").json
    assert [each["code"] for each in rest["data"]] == ["SPRING-26"] and rest["next"] is None
    shop.world.buy(coupon="spring-26")
    assert shop.api.get("/v1/coupons/spring-26").json["uses"] == 1
    ended = shop.api.call("PATCH", "/v1/coupons/SPRING-26", {"active": False})
    assert (ended.status, ended.json["active"]) == (200, False)
    assert shop.other.get("/v1/coupons/SPRING-26").status == 404


@pytest.mark.spec("C-8", "M-4")
def test_coupons_are_downloaded_as_csv() -> None:
    shop = Shop()
    made(shop, code="-50", basis_points=None, amount_off={"amount": 500, "currency": "USD"})
    answer = shop.api.get("/v1/coupons.csv")
    assert answer.headers["content-type"] == "text/csv"
    head, row = answer.body.splitlines()
    assert head.startswith("code,basis_points,amount_off,currency,duration")
    assert row.startswith("'-50,,5.00,USD,once"), "no spreadsheet takes it for a formula"


@pytest.mark.spec("C-8")
@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"code": "ab"}, "code"),
        ({"code": "a b c"}, "code"),
        ({"code": "x" * 41}, "code"),
        ({"basis_points": None}, "basis_points"),
        ({"amount_off": {"amount": 500, "currency": "USD"}}, "basis_points"),
        ({"basis_points": 0}, "basis_points"),
        ({"basis_points": 10_001}, "basis_points"),
        (
            {"basis_points": None, "amount_off": {"amount": 5, "currency": "EUR"}},
            "amount_off.currency",
        ),
        (
            {"basis_points": None, "amount_off": {"amount": 0, "currency": "USD"}},
            "amount_off.amount",
        ),
        ({"duration": "repeating"}, "charges"),
        ({"duration": "once", "charges": 3}, "charges"),
        ({"duration": "repeating", "charges": 0}, "charges"),
        ({"products": ["prod_unknown"]}, "products[0]"),
        ({"price_points": ["rival.price"]}, "price_points[0]"),
        ({"starts_at": "2026-03-01", "ends_at": "2026-02-01"}, "ends_at"),
        ({"max_uses": 0}, "max_uses"),
    ],
)
def test_a_coupon_that_means_nothing_is_refused(fields: dict[str, Any], field: str) -> None:
    shop = Shop()
    answer = shop.api.post("/v1/coupons", {**SPRING, **fields})
    assert (answer.status, answer.json["field"]) == (422, field)
    assert shop.api.get("/v1/coupons").json["data"] == []


@pytest.mark.spec("C-8")
def test_a_code_is_taken_once() -> None:
    shop = Shop()
    made(shop)
    again = shop.api.post("/v1/coupons", {**SPRING, "code": "SPRING-26"})
    assert (again.status, again.json["reason"]) == (422, "coupon_taken")


@pytest.mark.spec("C-8", "P-19")
def test_a_preview_shows_what_a_coupon_takes_off_each_charge() -> None:
    shop = Shop()
    for_two = {"basis_points": 2500, "duration": "repeating", "charges": 2}
    assert preview(shop, for_two) == [
        (2999, 750, 2249, 2249),
        (2999, 750, 2249, 2249),
        (2999, 0, 2999, 2999),
    ]
    initial = {"amount": 1000, "period": {"days": 14}}
    assert preview(shop, for_two, 2, initial=initial) == [
        (1000, 0, 1000, 1000),
        (2999, 750, 2249, 2249),
    ]
    touches = {**for_two, "applies_to_initial": True}
    assert preview(shop, touches, 1, initial=initial) == [(1000, 250, 750, 750)]
    off = {"amount_off": {"amount": 9900, "currency": "USD"}, "duration": "forever"}
    assert preview(shop, off, 1) == [(2999, 2999, 0, 0)]


@pytest.mark.spec("C-8", "C-10")
def test_a_preview_taxes_what_the_coupon_leaves() -> None:
    shop = Shop()
    shop.api.post("/v1/tax/registrations", {"country": "DE"})
    body = {
        "price_point": MONTHLY
        | {"tax": "inclusive", "price": {"amount": 11900, "currency": "USD"}},
        **START,
        "count": 1,
        "buyer": {"country": "DE"},
        "coupon": {"basis_points": 5000, "duration": "once"},
    }
    (charge,) = shop.api.post("/v1/preview", body).json["charges"]
    assert charge["amount"]["amount"] == 11900
    assert charge["discount"]["amount"] == 5950
    assert charge["net"]["amount"] == 5000
    assert [tax["amount"]["amount"] for tax in charge["tax"]] == [950]
    assert charge["total"]["amount"] == 5950


@pytest.mark.spec("C-8")
def test_a_subscription_is_given_a_coupon_and_shows_what_is_left() -> None:
    shop = Shop()
    made(shop, duration="repeating", charges=3)
    bought = shop.world.buy()
    address = f"/v1/subscriptions/{bought.purchase}/coupon"
    given = shop.api.post(address, {"coupon": "spring-26"})
    assert given.status == 200
    assert given.json["coupon"] == {
        "code": "SPRING-26",
        "basis_points": 2500,
        "amount_off": None,
        "charges_left": 3,
    }
    made(shop, code="OTHER")
    second = shop.api.post(address, {"coupon": "OTHER"})
    assert (second.status, second.json["code"]) == (409, "coupon_present")
    shop.world.advance(days=31)
    shown = shop.api.get(f"/v1/subscriptions/{bought.purchase}").json
    assert shown["coupon"]["charges_left"] == 2
    taken = shop.api.call("DELETE", address)
    assert (taken.status, taken.json["coupon"]) == (200, None)
    unknown = shop.api.post(address, {"coupon": "NOBODY"})
    assert (unknown.status, unknown.json["code"]) == (409, "coupon_unknown")


@pytest.mark.spec("C-8", "A-4")
def test_a_quote_of_another_plan_says_whether_the_coupon_stays() -> None:
    shop = Shop()
    gold = {**MONTHLY, "price": {"amount": 4999, "currency": "USD"}}
    product = shop.api.post(
        "/v1/products",
        {"name": "Course", "gateways": ["sandbox"], "price_points": [MONTHLY, gold]},
    ).json
    first, second = (point["id"] for point in product["price_points"])
    made(shop, code="ALL", duration="forever")
    made(shop, code="ONE", duration="forever", price_points=[first])
    sold = shop.world.store.product("acme", product["id"])
    for code, stays in (("ALL", True), ("ONE", False)):
        bought = shop.world.buy(sold, coupon=code, email=f"{code}@example.com")
        quoted = shop.api.post(
            f"/v1/subscriptions/{bought.purchase}/change-plan/quote",
            {"price_point": second, "when": "next_rebill"},
        )
        assert quoted.json["coupon"] == {"code": code, "stays": stays}
        assert quoted.json["next_charge"]["amount"] == (3749 if stays else 4999)
