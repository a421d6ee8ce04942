"""Ending and refunding through the API, as merchants do (X-3, B-7)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.web.shop import Shop


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.mark.spec("X-3", "X-2")
def test_a_merchant_chooses_instant_or_delayed_whatever_the_setting(shop: Shop) -> None:
    bought = shop.world.buy()
    address = f"/v1/subscriptions/{bought.purchase}"
    pending = shop.api.post(f"{address}/cancel", {"when": "period_end", "reason": "asked"})
    assert (pending.status, pending.json["state"]) == (200, "cancel_pending")
    assert pending.json["ends_at"] == "2026-02-28T15:00:00Z"
    assert pending.json["next_charge_at"] is None
    assert pending.json["charge_under_way"] is False
    again = shop.api.post(f"{address}/cancel", {"when": "period_end"})
    assert (again.status, again.json) == (200, pending.json)
    shop.world.now += timedelta(minutes=1)
    undone = shop.api.post(f"{address}/undo-cancel", {})
    assert (undone.status, undone.json["state"]) == (200, "active")
    shop.world.now += timedelta(minutes=1)
    ended = shop.api.post(f"{address}/cancel", {"when": "now"})
    assert (ended.json["state"], ended.json["ended_by"]) == ("cancelled", "merchant")
    kinds = [order["kind"] for order in shop.api.get("/v1/orders").json["data"]]
    assert kinds == ["cancellation", "cancel_request", "sale"]
    late = shop.api.post(f"{address}/cancel", {"when": "now"})
    assert (late.status, late.json["code"]) == (409, "already_cancelled")


@pytest.mark.parametrize(
    "body", [{}, {"when": "soon"}, {"when": "now", "reason": 7}, {"when": "now", "why": "x"}]
)
def test_a_malformed_cancellation_changes_nothing(shop: Shop, body: dict[str, object]) -> None:
    bought = shop.world.buy()
    answer = shop.api.post(f"/v1/subscriptions/{bought.purchase}/cancel", body)
    assert (answer.status, shop.world.subscription().state) == (422, "active")


@pytest.mark.spec("B-7")
def test_a_merchant_refunds_in_part_and_then_the_rest(shop: Shop) -> None:
    order = shop.world.buy().invoice.order_id
    part = shop.api.post(f"/v1/orders/{order}/refund", {"amount": 1000, "reason": "late"})
    assert (part.status, part.json["kind"]) == (201, "refund")
    assert part.json["amount"] == {"amount": 1000, "currency": "USD"}
    assert shop.api.get(f"/v1/orders/{order}").json["refunded"] == 1000
    rest = shop.api.post(f"/v1/orders/{order}/refund", {})
    assert rest.json["amount"]["amount"] == 1999
    more = shop.api.post(f"/v1/orders/{order}/refund", {})
    assert (more.status, more.json["code"]) == (409, "already_refunded")
    assert shop.api.post(f"/v1/orders/{part.json['id']}/refund", {}).status == 409


@pytest.mark.parametrize("amount", [0, -1, 3000, 10**17, "10", 1.5, True, None])
def test_a_refund_of_any_other_amount_is_refused_by_name(shop: Shop, amount: object) -> None:
    order = shop.world.buy().invoice.order_id
    answer = shop.api.post(f"/v1/orders/{order}/refund", {"amount": amount})
    if amount is None:
        assert answer.status == 201
    else:
        assert (answer.status, answer.json["field"]) == (422, "amount")
        assert [c["refunded"] for c in shop.world.charges()] == [0]


@pytest.mark.spec("X-4")
def test_what_has_ended_is_shown_so_before_the_sweep_has_come(shop: Shop) -> None:
    bought = shop.world.buy()
    address = f"/v1/subscriptions/{bought.purchase}"
    shop.api.post(f"{address}/cancel", {"when": "period_end"})
    ends_at = shop.world.subscription().ends_at
    assert ends_at is not None
    shop.world.now = ends_at - timedelta(seconds=1)
    assert shop.api.get(address).json["state"] == "cancel_pending"
    shop.world.now = ends_at
    shown = shop.api.get(address).json
    assert (shown["state"], shown["ends_at"]) == ("cancelled", "2026-02-28T15:00:00Z")
    customer = shop.api.get(f"/v1/customers/{bought.customer}").json
    assert [access["active"] for access in customer["access"]] == [False]
