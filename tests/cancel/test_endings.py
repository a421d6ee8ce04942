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


@pytest.mark.spec("B-7", "R-6")
def test_a_refund_whose_answer_was_lost_is_made_once_though_it_is_asked_for_again(
    shop: Shop,
) -> None:
    order = shop.world.buy().invoice.order_id
    address = f"/v1/orders/{order}/refund"
    shop.world.sandbox.faults.arm("timeout_after", 2)
    first = shop.api.post(address, {"amount": 1000})
    assert (first.status, first.json["state"]) == (202, "processing")
    assert (first.json["kind"], first.json["amount"]["amount"]) == ("refund", 1000)
    assert "retry-after" not in first.headers
    again = shop.api.post(address, {"amount": 1000})
    assert (again.status, again.json["code"]) == (409, "refund_open")
    shop.world.sandbox.faults.arm("timeout_after", 0)
    shop.world.advance(hours=1)
    assert [c["refunded"] for c in shop.world.charges()] == [1000]
    made = shop.api.get(f"/v1/orders/{first.json['id']}").json
    same = {"id", "kind", "amount", "customer", "subscription", "invoice", "product", "source"}
    assert {name: made[name] for name in same} == {name: first.json[name] for name in same}
    assert set(first.json) == {*made, "state", "credit_taken", "left", "used_as_credit"}
    assert (first.json["credit_taken"], first.json["left"]["amount"]) == (0, 1999)


@pytest.mark.spec("B-7", "M-3")
def test_a_refund_under_a_key_is_the_same_one_however_often_its_answer_is_lost(shop: Shop) -> None:
    order = shop.world.buy().invoice.order_id
    address = f"/v1/orders/{order}/refund"
    shop.world.sandbox.faults.arm("unavailable", 2)
    answers = [shop.api.post(address, {"amount": 1000}, idempotency_key="once") for _ in range(4)]
    assert [each.status for each in answers] == [202, 202, 201, 201]
    assert len({each.json["id"] for each in answers}) == 1
    assert [c["refunded"] for c in shop.world.charges()] == [1000]
    assert shop.api.post(address, {"amount": 500}, idempotency_key="two").status == 201


@pytest.mark.spec("B-7")
def test_a_key_names_another_refund_while_one_is_under_way(shop: Shop) -> None:
    order = shop.world.buy().invoice.order_id
    address = f"/v1/orders/{order}/refund"
    shop.world.sandbox.faults.arm("unavailable", 1)
    assert shop.api.post(address, {"amount": 1000}).status == 202
    assert shop.api.post(address, {"amount": 500}, idempotency_key="two").status == 201
    shop.world.advance(hours=1)
    assert [c["refunded"] for c in shop.world.charges()] == [1500]


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
