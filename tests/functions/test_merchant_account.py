"""Who calls /v1, keys, settings, and one answer per Idempotency-Key."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from billing.errors import Unavailable
from billing.flows import keys
from billing.web import idempotency
from tests.web.calls import Client
from tests.web.shop import MONTHLY, PRODUCT, START, Shop

PREVIEW = {"price_point": MONTHLY, **START}


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer sk_wrong",
        "Basic sk_acme",
        "sk_acme",
        "Bearer acme",
        "Bearer é",
    ],
)
@pytest.mark.spec("M-3")
def test_without_a_known_key_it_is_401(shop: Shop, authorization: str) -> None:
    answer = shop.stranger.call("GET", "/v1/settings", authorization=authorization)
    assert (answer.status, answer.json["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_the_scheme_is_read_in_any_case(shop: Shop) -> None:
    assert shop.stranger.call("GET", "/v1/settings", authorization="bearer sk_acme").status == 200


@pytest.mark.spec("M-3")
def test_a_key_does_what_its_scopes_say(shop: Shop) -> None:
    reader, writer = shop.holding("acme", "sk_r", "read"), shop.holding("acme", "sk_w", "write")
    assert reader.call("GET", "/v1/products").status == 200
    assert reader.post("/v1/preview", PREVIEW).status == 200
    refused = reader.post("/v1/products", PRODUCT)
    assert (refused.status, refused.json["code"]) == (403, "scope_missing")
    assert reader.call("PATCH", "/v1/settings", {}).status == 403
    assert reader.call("DELETE", "/v1/keys/key_sk_w").status == 403
    assert writer.post("/v1/products", PRODUCT).status == 201
    assert writer.call("GET", "/v1/products").status == 403


@pytest.mark.spec("M-3")
def test_a_key_is_made_used_listed_and_revoked(shop: Shop) -> None:
    shop.world.now += timedelta(minutes=1)
    made = shop.api.post("/v1/keys", {"scopes": ["read"]})
    assert made.status == 201
    secret = made.json["secret"]
    assert secret.startswith("sk_")
    assert len(secret) >= 3 + 32
    client = Client(shop.resolver, secret)
    assert client.call("GET", "/v1/settings").status == 200
    listed = shop.api.call("GET", "/v1/keys").json["data"]
    assert [key["id"] for key in listed] == [made.json["id"], "key_sk_acme"]
    assert secret not in json.dumps(listed)
    stored = shop.world.store.api_key(keys.digest(secret))
    assert stored is not None
    assert secret not in repr(stored)
    revoked = shop.api.call("DELETE", f"/v1/keys/{made.json['id']}")
    assert revoked.status == 200
    assert client.call("GET", "/v1/settings").status == 401
    again = shop.api.call("DELETE", f"/v1/keys/{made.json['id']}")
    assert (again.status, again.json) == (200, revoked.json)


def test_the_last_key_that_may_write_is_not_revoked(shop: Shop) -> None:
    refused = shop.api.call("DELETE", "/v1/keys/key_sk_acme")
    assert (refused.status, refused.json["code"]) == (409, "last_key")
    shop.api.post("/v1/keys", {})
    assert shop.api.call("DELETE", "/v1/keys/key_sk_acme").status == 200


def test_a_key_cannot_give_more_than_it_has(shop: Shop) -> None:
    writer = shop.holding("acme", "sk_w", "write")
    refused = writer.post("/v1/keys", {"scopes": ["read", "write"]})
    assert (refused.status, refused.json["code"]) == (409, "scope_missing")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["admin"]}, "scopes[0]"),
        ({"scopes": "read"}, "scopes"),
        ({"scopes": ["read", "read"]}, "scopes"),
        ({"secret": "sk_mine"}, "secret"),
    ],
)
def test_a_wrong_key_is_422(shop: Shop, body: Any, field: str) -> None:
    answer = shop.api.post("/v1/keys", body)
    assert answer.status == 422
    assert field in answer.fields


def test_an_account_has_at_most_a_hundred_keys(shop: Shop) -> None:
    for _ in range(keys.MOST_KEYS - 1):
        assert shop.api.post("/v1/keys", {}).status == 201
    assert shop.api.post("/v1/keys", {}).json["code"] == "too_many_keys"


@pytest.mark.spec("M-2")
def test_settings_change_field_by_field_and_keep_the_rest(shop: Shop) -> None:
    settings = shop.api.call("GET", "/v1/settings").json
    assert settings["time_zone"] == "America/New_York"
    changes: list[dict[str, Any]] = [
        {"time_zone": "Europe/Berlin"},
        {"currency": "EUR"},
        {"language": "de"},
        {"portal": "standalone"},
        {"portal": None},
        {"self_cancel": "manual"},
        {"self_refund": "automatic"},
        {"grace_days": 5},
        {"grace_days": None},
        {"catch_up_days": 3},
        {"confirmation_template": "Thanks!\nYour Order ID: {order_id}"},
    ]
    for change in changes:
        settings |= change
        assert shop.api.call("PATCH", "/v1/settings", change).json == settings
    assert shop.api.call("GET", "/v1/settings").json == settings
    changed = shop.api.call("PATCH", "/v1/settings", {"retry_schedule": {"attempts": 2}}).json
    assert changed["retry_schedule"] == {"every_days": 3, "attempts": 2, "final_action": "cancel"}
    changed = shop.api.call("PATCH", "/v1/settings", {"departments": {"refund": "sales"}}).json
    assert changed["departments"] == {"cancel": "billing", "refund": "sales"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"time_zone": "Nowhere"}, "time_zone"),
        ({"time_zone": None}, "time_zone"),
        ({"currency": "JPY"}, "currency"),
        ({"language": "xx"}, "language"),
        ({"portal": "both"}, "portal"),
        ({"self_cancel": None}, "self_cancel"),
        ({"self_refund": "yes"}, "self_refund"),
        ({"departments": {"cancel": ""}}, "departments.cancel"),
        ({"departments": {"sales": "x"}}, "departments.sales"),
        ({"departments": None}, "departments"),
        ({"retry_schedule": {"every_days": 0}}, "retry_schedule.every_days"),
        ({"retry_schedule": {"every_days": 31}}, "retry_schedule.every_days"),
        ({"retry_schedule": {"attempts": 0}}, "retry_schedule.attempts"),
        ({"retry_schedule": {"attempts": 10**30}}, "retry_schedule.attempts"),
        ({"retry_schedule": {"final_action": "sue"}}, "retry_schedule.final_action"),
        ({"grace_days": -1}, "grace_days"),
        ({"catch_up_days": 366}, "catch_up_days"),
        ({"confirmation_template": "x" * 2001}, "confirmation_template"),
        ({"confirmation_template": "\x00"}, "confirmation_template"),
        ({"armed": True}, "armed"),
        ({"id": "rival"}, "id"),
    ],
)
def test_a_wrong_setting_is_422_and_changes_nothing(
    shop: Shop, change: dict[str, Any], field: str
) -> None:
    before = shop.api.call("GET", "/v1/settings").json
    answer = shop.api.call("PATCH", "/v1/settings", {"grace_days": 9} | change)
    assert (answer.status, answer.fields) == (422, [field])
    assert shop.api.call("GET", "/v1/settings").json == before


@pytest.mark.spec("P-20")
def test_the_currency_stays_once_there_are_products(shop: Shop) -> None:
    shop.api.post("/v1/products", PRODUCT)
    refused = shop.api.call("PATCH", "/v1/settings", {"currency": "EUR"})
    assert (refused.status, refused.json["code"]) == (409, "currency_in_use")
    assert shop.api.call("PATCH", "/v1/settings", {"currency": "USD"}).status == 200


@pytest.mark.spec("P-13")
def test_another_time_zone_touches_new_purchases_only(shop: Shop) -> None:
    bought = shop.world.buy()
    shop.api.call("PATCH", "/v1/settings", {"time_zone": "Asia/Tokyo"})
    assert shop.api.get(f"/v1/subscriptions/{bought.purchase}").json["time_zone"] == (
        "America/New_York"
    )
    later = shop.world.buy(email="bob@example.com")
    assert shop.api.get(f"/v1/subscriptions/{later.purchase}").json["time_zone"] == "Asia/Tokyo"


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
