"""Announced prices over /v1: one subscription, all at a price point, taken back (X-12)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.web.shop import Shop

PRICE = {"amount": 3999, "currency": "USD"}


@pytest.fixture
def shop() -> Shop:
    shop = Shop()
    shop.world.buy()
    return shop


def at(shop: Shop, what: str = "") -> str:
    return f"/v1/subscriptions/{shop.world.subscription().id}{what}"


@pytest.mark.spec("X-12")
def test_a_price_is_announced_shown_and_taken_back(shop: Shop) -> None:
    body = {"price": PRICE, "from": "2026-02-10"}
    answer = shop.api.post(at(shop, "/price-change"), body)
    assert answer.status == 200
    assert answer.json["price_change"] == {
        "price": PRICE,
        "effective_at": "2026-02-28T15:00:00Z",
        "needs_consent": False,
        "told_at": None,
        "agreed_at": None,
    }
    assert answer.json["terms"]["price"]["amount"] == 2999
    assert shop.api.post(at(shop, "/price-change"), body).status == 200, "twice is once"
    other = shop.api.post(at(shop, "/price-change"), {**body, "from": "2026-03-10"})
    assert (other.status, other.json["code"]) == (409, "price_change_present")
    shop.world.advance(days=10)
    assert shop.api.get(at(shop)).json["price_change"]["told_at"] is not None
    assert shop.api.call("DELETE", at(shop, "/price-change")).json["price_change"] is None
    gone = shop.api.call("DELETE", at(shop, "/price-change"))
    assert (gone.status, gone.json["code"]) == (409, "no_price_change")


@pytest.mark.spec("X-12")
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"price": PRICE}, "from"),
        ({"from": "2026-03-01"}, "price"),
        ({"price": PRICE, "from": "soon"}, "from"),
        ({"price": PRICE, "from": "2026-01-01"}, "from"),
        ({"price": PRICE, "from": "2036-01-01"}, "from"),
        ({"price": {"amount": 0, "currency": "USD"}, "from": "2026-03-01"}, "price.amount"),
        ({"price": {"amount": 10**12, "currency": "USD"}, "from": "2026-03-01"}, "price.amount"),
        ({"price": PRICE, "from": "2026-03-01", "more": 1}, "more"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(shop: Shop, body: dict[str, Any], field: str) -> None:
    answer = shop.api.post(at(shop, "/price-change"), body)
    assert (answer.status, answer.json["field"]) == (422, field)
    assert shop.world.subscription().price_change is None


@pytest.mark.spec("X-12")
def test_all_at_a_price_point_are_done_in_the_background(shop: Shop) -> None:
    point = shop.world.subscription().price_point
    body = {"price": PRICE, "from": "2026-02-10"}
    answer = shop.api.post(f"/v1/price-points/{point}/price-change", body)
    assert (answer.status, answer.json) == (202, {"price_point": point, "state": "queued"})
    shop.world.advance(minutes=10)
    assert shop.world.subscription().price_change is not None
    assert shop.api.post(f"/v1/price-points/{point}/undo-price-change").status == 202
    shop.world.advance(minutes=10)
    assert shop.world.subscription().price_change is None
    assert shop.api.post("/v1/price-points/other.p/price-change", body).status == 404


@pytest.mark.spec("X-11")
def test_a_pause_may_have_an_end(shop: Shop) -> None:
    wrong = shop.api.post(at(shop, "/pause"), {"until": "2027-01-01"})
    assert (wrong.status, wrong.json["field"]) == (422, "until")
    answer = shop.api.post(at(shop, "/pause"), {"until": "2026-03-05"})
    assert (answer.json["state"], answer.json["resumes_at"]) == ("paused", "2026-03-05T05:00:00Z")
    shop.world.advance(days=34)
    assert shop.api.get(at(shop)).json["state"] == "active"
    shop.world.now += timedelta(minutes=1)
    assert shop.api.post(at(shop, "/pause")).json["resumes_at"] is None
