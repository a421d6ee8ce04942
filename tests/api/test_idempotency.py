"""One answer per Idempotency-Key (M-3)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from billing.api.web import idempotency
from billing.kernel.errors import Unavailable
from tests.migration.files import many
from tests.web.calls import Answer
from tests.web.shop import MONTHLY, PRODUCT, START, Shop

PREVIEW = {"price_point": MONTHLY, **START}


@pytest.fixture
def shop() -> Shop:
    return Shop()


POSTS: list[tuple[str, Any]] = [
    ("/v1/preview", PREVIEW),
    ("/v1/products", PRODUCT),
    ("/v1/keys", {"scopes": ["read"]}),
    ("/v1/console-links", {}),
]


@pytest.mark.parametrize(("address", "body"), POSTS, ids=[address for address, _ in POSTS])
@pytest.mark.spec("M-3")
def test_the_same_key_and_body_get_the_same_answer_for_a_day(
    shop: Shop, address: str, body: Any
) -> None:
    first = shop.api.post(address, body, idempotency_key="once")
    shop.world.now += timedelta(hours=23, minutes=59)
    second = shop.api.post(address, body, idempotency_key="once")
    assert (second.status, second.json) == (first.status, first.json)
    assert second.headers["idempotent-replayed"] == "true"
    assert shop.api.post(address, {"other": 1}, idempotency_key="once").status == 422
    shop.world.now += timedelta(minutes=2)
    third = shop.api.post(address, body, idempotency_key="once")
    assert third.status == first.status
    assert "idempotent-replayed" not in third.headers


@pytest.mark.spec("M-3")
def test_a_product_is_made_once_per_key(shop: Shop) -> None:
    for _ in range(3):
        shop.api.post("/v1/products", PRODUCT, idempotency_key="once")
    assert len(shop.api.call("GET", "/v1/products").json["data"]) == 1
    shop.api.post("/v1/products", PRODUCT, idempotency_key="twice")
    assert len(shop.api.call("GET", "/v1/products").json["data"]) == 2


@pytest.mark.spec("M-3")
def test_a_used_key_with_the_same_file_and_another_question_about_it_is_422(shop: Shop) -> None:
    def imports(query: str) -> Answer:
        sent = {"content_type": "text/csv", "idempotency_key": "once"}
        return shop.api.post(f"/v1/imports{query}", many(1), **sent)

    first = imports("?preset=stripe")
    assert first.status == 201
    again, other = imports("?preset=stripe"), imports("?preset=chargebee")
    assert (again.json["id"], other.status) == (first.json["id"], 422)
    assert other.json["code"] == "idempotency_key_reused"


@pytest.mark.spec("M-3")
def test_a_used_key_with_another_body_is_422(shop: Shop) -> None:
    shop.api.post("/v1/products", PRODUCT, idempotency_key="once")
    answer = shop.api.post("/v1/products", PRODUCT | {"name": "B"}, idempotency_key="once")
    assert (answer.status, answer.json["code"]) == (422, "idempotency_key_reused")
    assert len(shop.api.call("GET", "/v1/products").json["data"]) == 1


def test_a_refusal_is_kept_as_well(shop: Shop) -> None:
    wrong = PRODUCT | {"name": ""}
    first = shop.api.post("/v1/products", wrong, idempotency_key="once")
    second = shop.api.post("/v1/products", wrong, idempotency_key="once")
    assert first.status == second.status == 422
    assert first.json == second.json
    assert second.headers["content-type"] == "application/problem+json"
    assert shop.api.post("/v1/products", PRODUCT, idempotency_key="once").status == 422


def test_a_key_is_of_one_merchant_and_one_address(shop: Shop) -> None:
    shop.api.post("/v1/products", PRODUCT, idempotency_key="once")
    assert shop.other.post("/v1/products", PRODUCT, idempotency_key="once").status == 201
    assert shop.api.post("/v1/preview", PREVIEW, idempotency_key="once").status == 200


def test_while_the_first_is_running_the_second_is_409(shop: Shop) -> None:
    answers = []
    create = shop.world.store.commit

    def commit(*writes: Any) -> None:
        """Another request with the same key arrives in the middle of the first."""
        shop.world.store.commit = create  # type: ignore[method-assign]
        answers.append(shop.api.post("/v1/products", PRODUCT, idempotency_key="once"))
        create(*writes)

    shop.world.store.commit = commit  # type: ignore[method-assign]
    first = shop.api.post("/v1/products", PRODUCT, idempotency_key="once")
    assert first.status == 201
    assert (answers[0].status, answers[0].json["code"]) == (409, "request_running")
    again = shop.api.post("/v1/products", PRODUCT, idempotency_key="once")
    assert again.json == first.json


@pytest.mark.parametrize("error", [Unavailable("down"), RuntimeError("bug")])
def test_a_request_that_broke_leaves_its_key_free(shop: Shop, error: Exception) -> None:
    create = shop.world.store.commit

    def commit(*writes: Any) -> None:
        raise error

    shop.world.store.commit = commit  # type: ignore[method-assign]
    assert shop.api.post("/v1/products", PRODUCT, idempotency_key="once").status >= 500
    shop.world.store.commit = create  # type: ignore[method-assign]
    assert shop.api.post("/v1/products", PRODUCT, idempotency_key="once").status == 201


def test_the_key_of_a_killed_request_is_free_after_a_minute(shop: Shop) -> None:
    create = shop.world.store.commit

    def commit(*writes: Any) -> None:
        raise KeyboardInterrupt

    shop.world.store.commit = commit  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        shop.api.post("/v1/products", PRODUCT, idempotency_key="once")
    shop.world.store.commit = create  # type: ignore[method-assign]
    assert shop.api.post("/v1/products", PRODUCT, idempotency_key="once").status == 409
    shop.world.now += idempotency.RUNNING
    assert shop.api.post("/v1/products", PRODUCT, idempotency_key="once").status == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "é", "a\tb"])
def test_a_wrong_idempotency_key_is_422(shop: Shop, key: str) -> None:
    answer = shop.api.post("/v1/products", PRODUCT, idempotency_key=key)
    assert (answer.status, answer.fields) == (422, ["Idempotency-Key"])
    assert shop.api.call("GET", "/v1/products").json["data"] == []


@pytest.mark.spec("M-3")
def test_the_answer_that_is_kept_does_not_hold_the_secret_readable(shop: Shop) -> None:
    made = shop.api.post("/v1/keys", {}, idempotency_key="once").json
    kept = repr(vars(shop.world.ports.ephemeral))
    assert made["id"] in kept
    assert made["secret"] not in kept
    assert made["secret"].removeprefix("sk_") not in kept
    again = shop.holding("acme", "sk_second").post("/v1/keys", {}, idempotency_key="once").json
    assert again["id"] != made["id"], "who was not told the secret is not told it again"


@pytest.mark.spec("M-3")
def test_an_answer_that_is_too_long_to_be_kept_is_made_anew_and_done_once(shop: Shop) -> None:
    ticket = {"department": "billing", "email": "zoe@example.com", "subject": "x", "text": "y"}
    asked = shop.api.post("/v1/tickets", ticket).json["id"]
    for n in range(80):
        shop.api.post(f"/v1/tickets/{asked}/reply", {"text": f"{n} " + "é" * 4990})
    for _ in range(2):
        answer = shop.api.post(
            f"/v1/tickets/{asked}/reply", {"text": "The last"}, idempotency_key="once"
        )
        assert answer.status == 201
        assert [m["text"] for m in answer.json["messages"]].count("The last") == 1
    kept = vars(shop.world.ports.ephemeral)["_values"].values()
    assert all(len(value.encode()) < 400_000 for value, _ in kept), "DynamoDB takes no more"


@pytest.mark.spec("M-3")
def test_a_link_that_signs_in_is_not_kept_readable_either(shop: Shop) -> None:
    first = shop.api.post("/v1/console-links", {}, idempotency_key="once").json
    token = first["url"].rpartition("/")[2]
    assert token not in repr(vars(shop.world.ports.ephemeral))
    again = shop.api.post("/v1/console-links", {}, idempotency_key="once").json
    assert again == first
    other = shop.holding("acme", "sk_second")
    theirs = other.post("/v1/console-links", {}, idempotency_key="once").json
    assert theirs["url"] != first["url"]
