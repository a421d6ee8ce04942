"""Tickets in the API: entered, listed, answered, decided (CONTRACT.md)."""

from __future__ import annotations

from typing import Any

import pytest

from billing.kernel.orders import OrderKind
from billing.kernel.subscription import State
from tests.web.shop import Shop

ANN = "ann@example.com"


@pytest.fixture
def shop() -> Shop:
    return Shop()


def body(**fields: Any) -> dict[str, Any]:
    return {
        "department": "billing",
        "email": ANN,
        "subject": "Please",
        "text": "I want my money back.",
        **fields,
    }


def bought(shop: Shop) -> str:
    return shop.world.buy().invoice.order_id


@pytest.mark.spec("H-2", "H-3", "B-7")
def test_a_refund_is_asked_for_approved_and_done_once(shop: Shop) -> None:
    order = bought(shop)
    opened = shop.api.post("/v1/tickets", body(order=order.lower(), wish="refund"))
    assert opened.status == 201
    found = opened.json
    assert (found["state"], found["verified"], found["order"]) == ("open", True, order)
    assert [m["text"] for m in found["messages"]] == ["I want my money back."]
    for _ in range(2):
        approved = shop.api.post(f"/v1/tickets/{found['id']}/approve")
        assert approved.status == 200
        assert approved.json["state"] == "approved" and approved.json["carried_out_at"]
    assert [c["refunded"] for c in shop.world.charges()] == [2999]
    kinds = [o.kind for o in shop.world.orders()]
    assert kinds.count(OrderKind.REFUND) == 1
    late = shop.api.post(f"/v1/tickets/{found['id']}/decline", {"text": "No"})
    assert (late.status, late.json["code"]) == (409, "already_approved")


@pytest.mark.spec("H-2", "H-4")
def test_a_cancellation_shows_what_approving_does_and_does_it(shop: Shop) -> None:
    order = bought(shop)
    found = shop.api.post("/v1/tickets", body(order=order, wish="cancel")).json
    assert found["effect"] == {
        "when": "now",
        "ends_at": "2026-01-31T15:00:00Z",
        "charge_at": None,
    }
    assert found["decide_by"] == "2026-02-07T15:00:00Z"
    assert shop.api.post(f"/v1/tickets/{found['id']}/approve", {}).status == 200
    assert shop.world.subscription().state is State.CANCELLED


@pytest.mark.spec("H-3")
def test_a_decline_takes_words_and_answers_the_same_when_it_is_repeated(shop: Shop) -> None:
    order = bought(shop)
    found = shop.api.post("/v1/tickets", body(order=order, wish="cancel")).json
    path = f"/v1/tickets/{found['id']}/decline"
    assert shop.api.post(path, {"text": "It was used."}).json["state"] == "declined"
    again = shop.api.post(path, {"text": "It was used a lot."})
    assert again.status == 200
    said = [m["text"] for m in again.json["messages"] if m["author"] == "agent"]
    assert said == ["It was used."]
    refused = shop.api.post(f"/v1/tickets/{found['id']}/approve")
    assert (refused.status, refused.json["code"]) == (409, "already_declined")


@pytest.mark.spec("H-3")
def test_a_decline_without_words_has_some(shop: Shop) -> None:
    found = shop.api.post("/v1/tickets", body(order=bought(shop), wish="refund")).json
    declined = shop.api.post(f"/v1/tickets/{found['id']}/decline").json
    assert declined["messages"][-1]["text"] == "We've reviewed your request and can't approve it."


@pytest.mark.spec("H-3")
def test_replies_notes_and_closing(shop: Shop) -> None:
    bought(shop)
    found = shop.api.post("/v1/tickets", body()).json
    path = f"/v1/tickets/{found['id']}"
    assert shop.api.post(f"{path}/reply", {"text": "Sure."}).json["state"] == "answered"
    noted = shop.api.post(f"{path}/reply", {"text": "Nice person", "internal": True}).json
    assert [m["internal"] for m in noted["messages"]] == [False, False, True]
    closed = shop.api.post(f"{path}/reply", {"text": "Bye", "close": True}).json
    assert closed["state"] == "closed"
    refused = shop.api.post(f"{path}/approve", {"wish": "refund"})
    assert (refused.status, refused.json["code"]) == (409, "ticket_closed")
    wish = shop.api.post("/v1/tickets", body(order=shop.world.orders()[0].id, wish="refund")).json
    undecided = shop.api.post(f"/v1/tickets/{wish['id']}/reply", {"text": "Bye", "close": True})
    assert (undecided.status, undecided.json["code"]) == (409, "undecided")


@pytest.mark.spec("H-3", "H-4")
@pytest.mark.parametrize(("asked", "approved"), [("cancel", "refund"), ("refund", "cancel")])
def test_only_what_a_ticket_asks_for_is_approved(shop: Shop, asked: str, approved: str) -> None:
    order = bought(shop)
    path = f"/v1/tickets/{shop.api.post('/v1/tickets', body(order=order, wish=asked)).json['id']}"
    refused = shop.api.post(f"{path}/approve", {"wish": approved})
    assert (refused.status, refused.json["reason"]) == (422, "wish_differs")
    found = shop.api.get(path).json
    assert (found["state"], found["wish"]) == ("open", asked), "it held its subscription for good"
    assert shop.api.post(f"{path}/approve", {"wish": asked}).json["carried_out_at"] is not None


@pytest.mark.spec("M-3")
def test_the_same_call_is_the_same_ticket_and_the_same_message(shop: Shop) -> None:
    bought(shop)
    first = shop.api.post("/v1/tickets", body(), idempotency_key="a").json
    assert shop.api.post("/v1/tickets", body(), idempotency_key="a").json["id"] == first["id"]
    path = f"/v1/tickets/{first['id']}/reply"
    for _ in range(2):
        answer = shop.api.post(path, {"text": "Sure."}, idempotency_key="b").json
    assert len(answer["messages"]) == 2
    assert len(shop.api.get("/v1/tickets").json["data"]) == 1


@pytest.mark.spec("H-2", "H-6")
@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"department": "nowhere"}, "department"),
        ({"email": "ann"}, "email"),
        ({"subject": ""}, "subject"),
        ({"subject": "x" * 151}, "subject"),
        ({"text": " \n "}, "text"),
        ({"text": "x" * 5001}, "text"),
        ({"text": None}, "text"),
        ({"order": "K7M2Q-9XTRV-4H3PD"}, "order"),
        ({"wish": "refund"}, "order"),
        ({"wish": "keep"}, "wish"),
        ({"attachment": "x"}, "attachment"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_opened(
    shop: Shop, fields: dict[str, Any], field: str
) -> None:
    bought(shop)
    answer = shop.api.post("/v1/tickets", body(**fields))
    assert (answer.status, answer.fields) == (422, [field])
    assert shop.api.get("/v1/tickets").json["data"] == []


@pytest.mark.spec("H-6")
def test_an_order_of_another_email_says_that_another_email_may_have_been_used(shop: Shop) -> None:
    order = bought(shop)
    answer = shop.api.post("/v1/tickets", body(email="eve@example.com", order=order))
    assert answer.json["reason"] == "order_not_of_email"
    assert "may have used another email at checkout" in answer.json["detail"]


def test_lists_come_newest_first_in_parts_and_filtered(shop: Shop) -> None:
    order = bought(shop)
    ids = []
    for n in range(5):
        shop.world.advance(minutes=1)
        ids.append(shop.api.post("/v1/tickets", body(subject=f"No. {n}")).json["id"])
    wish = shop.api.post("/v1/tickets", body(order=order, wish="refund")).json["id"]
    shop.api.post(f"/v1/tickets/{ids[0]}/reply", {"text": "Hi"})
    shop.api.post(f"/v1/tickets/{wish}/decline", {"text": "No"})

    def listed(**query: str) -> list[str]:
        found: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            page = shop.api.get("/v1/tickets", **query, **cursor)
            assert page.status == 200
            found += [each["id"] for each in page.json["data"]]
            if page.json["next"] is None:
                return found
            cursor = {"cursor": page.json["next"]}

    everything = [wish, *reversed(ids)]
    customer = shop.world.store.customer_by_email("acme", ANN) or ""
    for limit in ("1", "2", "50"):
        assert listed(limit=limit) == everything
        assert listed(limit=limit, customer=customer) == everything
        assert listed(limit=limit, state="open") == list(reversed(ids[1:]))
        assert listed(limit=limit, state="answered", department="billing") == [ids[0]]
        assert listed(limit=limit, state="declined") == [wish]
        assert listed(limit=limit, department="technical-support") == []
    assert shop.api.get("/v1/tickets", cursor="nonsense").status == 422
    assert shop.api.get("/v1/tickets", customer="cus_nobody").status == 404
    assert shop.api.get("/v1/tickets", state="lost").status == 422
    assert shop.other.get("/v1/tickets").json["data"] == []
