"""Previews over /v1: exact dates and amounts, before anything is sold (P-19)."""

from __future__ import annotations

from typing import Any

import pytest

from billing.kernel.money import Currency
from tests.web.shop import MONTHLY, PRODUCT, START, Shop

PREVIEW = {"price_point": MONTHLY, **START}


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_preview_answers_with_exact_dates_and_amounts(shop: Shop) -> None:
    answer = shop.api.post("/v1/preview", {**PREVIEW, "count": 3})
    assert answer.status == 200
    money = {"amount": 2999, "currency": "USD"}
    assert answer.json == {
        "charges": [
            {
                "n": n,
                "kind": "standard",
                "at": at,
                "local_date": at[:10],
                "amount": money,
            }
            for n, at in enumerate(
                ["2026-01-31T15:00:00Z", "2026-02-28T15:00:00Z", "2026-03-31T14:00:00Z"], 1
            )
        ],
        "ends": None,
    }


@pytest.mark.spec("P-8", "P-19")
def test_preview_of_recurring_installments_is_anchored_on_the_first_payment(shop: Shop) -> None:
    terms = {**MONTHLY, "type": "recurring_installment", "installments": 3, "cycle": "1y"}
    sent = {"price_point": terms, "start": "2024-02-29T12:00", "time_zone": "UTC", "count": 6}
    dates = [c["local_date"] for c in shop.api.post("/v1/preview", sent).json["charges"]]
    assert dates == [
        "2024-02-29",
        "2024-03-29",
        "2024-04-29",
        "2025-02-28",
        "2025-03-29",
        "2025-04-29",
    ]


@pytest.mark.spec("P-10", "P-11", "P-19")
def test_preview_shows_an_initial_payment_of_nothing(shop: Shop) -> None:
    terms = {**MONTHLY, "initial": {"amount": 0, "period": {"months": 1}}}
    charges = shop.api.post("/v1/preview", {**PREVIEW, "price_point": terms, "count": 3}).json
    assert [c["kind"] for c in charges["charges"]] == ["initial", "standard", "standard"]
    assert [c["amount"]["amount"] for c in charges["charges"]] == [0, 2999, 2999]
    assert [c["local_date"] for c in charges["charges"]] == [
        "2026-01-31",
        "2026-02-28",
        "2026-03-28",
    ]


@pytest.mark.spec("P-6", "P-19")
def test_a_preview_says_when_a_plan_ends_even_beyond_what_it_shows(shop: Shop) -> None:
    terms = {**MONTHLY, "type": "installment", "installments": 4, "period": "2w"}
    answer = shop.api.post("/v1/preview", {**PREVIEW, "price_point": terms, "count": 1}).json
    assert len(answer["charges"]) == 1
    assert answer["ends"] == "2026-03-14T14:00:00Z"


@pytest.mark.spec("P-19")
def test_what_preview_shows_is_what_is_charged(shop: Shop) -> None:
    terms = {**MONTHLY, "initial": {"amount": 100, "period": {"days": 14}}}
    made = shop.api.post("/v1/products", {**PRODUCT, "price_points": [terms]}).json
    previewed = shop.api.post("/v1/preview", {**PREVIEW, "price_point": terms, "count": 5}).json
    product = shop.world.store.product("acme", made["id"])
    assert product is not None
    shop.world.buy(product)
    shop.world.advance(days=130)
    charged = [(o["at"], o["amount"]) for o in shop.api.get("/v1/orders").json["data"]]
    assert [(c["at"], c["amount"]) for c in previewed["charges"]] == list(reversed(charged))


@pytest.mark.parametrize("currency", list(Currency))
@pytest.mark.spec("P-20")
def test_preview_takes_any_of_the_sixteen_currencies(shop: Shop, currency: str) -> None:
    terms = {**MONTHLY, "price": {"amount": 1, "currency": currency}}
    assert shop.api.post("/v1/preview", {**PREVIEW, "price_point": terms}).status == 200


@pytest.mark.parametrize(
    ("start", "first"),
    [
        ("1970-01-01T00:00:00", "1970-01-01T05:00:00Z"),
        ("2100-12-31T23:59", "2101-01-01T04:59:00Z"),
        ("2026-03-08T02:30:00", "2026-03-08T07:30:00Z"),
        ("2026-11-01T01:30:00", "2026-11-01T05:30:00Z"),
        ("2026-01-31T15:00:00Z", "2026-01-31T15:00:00Z"),
        ("2026-01-31T16:00:00+01:00", "2026-01-31T15:00:00Z"),
    ],
)
@pytest.mark.spec("P-13")
def test_preview_starts_at_wall_time_or_at_an_instant(shop: Shop, start: str, first: str) -> None:
    answer = shop.api.post("/v1/preview", {**PREVIEW, "start": start, "count": 1})
    assert answer.json["charges"][0]["at"] == first


def test_the_longest_preview_reaches_far_and_is_answered(shop: Shop) -> None:
    terms = {**MONTHLY, "period": "2y"}
    sent = {**PREVIEW, "price_point": terms, "start": "2100-01-01T00:00:00", "count": 500}
    charges = shop.api.post("/v1/preview", sent).json["charges"]
    assert charges[-1]["local_date"] == "3098-01-01"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"start": "31.01.2026"}, "start"),
        ({"start": "2026-02-30T10:00:00"}, "start"),
        ({"start": "2026-01-31"}, "start"),
        ({"start": "1969-12-31T23:59:59"}, "start"),
        ({"start": "2101-01-01T00:00:00"}, "start"),
        ({"start": "2026-01-31T25:00:00"}, "start"),
        ({"start": "2026-01-31T10:00:00+99:99"}, "start"),
        ({"start": 1769871600}, "start"),
        ({"start": None}, "start"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"time_zone": ""}, "time_zone"),
        ({"time_zone": None}, "time_zone"),
        ({"count": 0}, "count"),
        ({"count": 501}, "count"),
        ({"count": 10**30}, "count"),
        ({"count": "24"}, "count"),
        ({"count": 1.5}, "count"),
        ({"count": True}, "count"),
        ({"price_point": None}, "price_point"),
        ({"price_point": []}, "price_point"),
        ({"extra": 1}, "extra"),
    ],
)
def test_a_wrong_preview_is_422_naming_the_field(
    shop: Shop, change: dict[str, Any], field: str
) -> None:
    answer = shop.api.post("/v1/preview", {**PREVIEW, **change})
    assert answer.status == 422
    assert field in answer.fields


@pytest.mark.spec("P-19")
@pytest.mark.parametrize("fraction", [".007", ".5", ".123456789"])
def test_a_start_may_have_fractions_of_a_second(shop: Shop, fraction: str) -> None:
    """As a browser writes instants, with milliseconds; prices are charged to the second."""
    whole = shop.api.post("/v1/preview", {**PREVIEW, "start": "2026-11-27T19:24:34Z", "count": 2})
    exact = {**PREVIEW, "start": f"2026-11-27T19:24:34{fraction}Z", "count": 2}
    assert shop.api.post("/v1/preview", exact).json == whole.json
    assert whole.status == 200
