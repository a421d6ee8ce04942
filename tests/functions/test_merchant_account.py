"""Who calls /v1, their keys and their settings."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from billing.flows import keys
from functions.merchant import app
from tests.web.calls import Client, event
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
        {"freeze_price": 500},
        {"freeze_price": None},
        {"self_freeze": True},
        {"notice_days": 10},
        {"undecided": "charge"},
        {"confirmation_template": "Thanks!\nYour Order ID: {order_id}"},
    ]
    for change in changes:
        settings |= change
        assert shop.api.call("PATCH", "/v1/settings", change).json == settings
    assert shop.api.call("GET", "/v1/settings").json == settings
    changed = shop.api.call("PATCH", "/v1/settings", {"retry_schedule": {"attempts": 2}}).json
    assert changed["retry_schedule"] == {"every_days": 3, "attempts": 2, "final_action": "cancel"}
    changed = shop.api.call("PATCH", "/v1/settings", {"departments": {"refund": "sales"}}).json
    routed = changed["departments"]
    assert (routed["cancel"], routed["refund"]) == ("billing", "sales")
    assert [each["name"] for each in routed["all"]] == [
        "Ask Before Buying",
        "Billing",
        "Technical Support",
        "Sales",
    ], "a department that is only named is made"


@pytest.mark.spec("H-1", "M-2")
def test_departments_are_the_merchants_own(shop: Shop) -> None:
    own = [
        {"id": "help", "name": "Help", "scope": "Anything.", "asks": ["order"], "email": None},
        {"id": "billing", "name": "Money", "scope": "", "asks": [], "email": "m@acme.example"},
    ]
    changed = shop.api.call("PATCH", "/v1/settings", {"departments": {"all": own}}).json
    assert changed["departments"] == {"cancel": "billing", "refund": "billing", "all": own}
    shop.world.buy()
    body = {"department": "help", "email": "a@b.example", "subject": "Hi", "text": "Hello"}
    assert shop.api.post("/v1/tickets", body).status == 201
    gone = shop.api.call("PATCH", "/v1/settings", {"departments": {"all": own[1:]}})
    assert (gone.status, gone.json["code"]) == (409, "department_in_use")


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
        ({"departments": {"all": []}}, "departments.all"),
        ({"departments": {"all": [{"id": "x"}]}}, "departments.all[0].name"),
        (
            {"departments": {"all": [{"id": "x", "name": "X"}, {"id": "x", "name": "Y"}]}},
            "departments.all",
        ),
        ({"notice_days": 91}, "notice_days"),
        ({"undecided": "wait"}, "undecided"),
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


def test_the_lambda_handler_answers_an_event(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.wiring, "ports", lambda: shop.world.ports)
    app.app.cache_clear()
    headers = {"authorization": "Bearer sk_acme"}
    answer = app.handler(event("GET", "/v1/settings", headers=headers), None)
    app.app.cache_clear()
    assert answer["statusCode"] == 200
