"""Callers of /v1, their keys and their settings."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from billing.api.flows import keys
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


def filled_up(shop: Shop) -> list[str]:
    """The ids of as many keys as an account may have, but for the shop's own."""
    made = [shop.api.post("/v1/keys", {}).json for _ in range(keys.MOST_KEYS - 1)]
    assert shop.api.post("/v1/keys", {}).json["code"] == "too_many_keys"
    return [str(each["id"]) for each in made]


@pytest.mark.spec("M-3")
def test_an_account_has_at_most_a_hundred_live_keys(shop: Shop) -> None:
    first, *_ = filled_up(shop)
    for _ in range(3):
        assert shop.api.call("DELETE", f"/v1/keys/{first}").status == 200
    made = shop.api.post("/v1/keys", {})
    assert made.status == 201, "what is revoked does not count"
    assert shop.api.post("/v1/keys", {}).json["code"] == "too_many_keys"
    listed, cursor = [], {}
    while True:
        page = shop.api.get("/v1/keys", limit="40", **cursor).json
        listed += [key["id"] for key in page["data"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert {first, made.json["id"]} <= set(listed), "revoked ones are listed still"
    assert len(listed) == len(set(listed)) == keys.MOST_KEYS + 1


@pytest.mark.spec("M-3")
def test_two_that_make_the_last_key_at_once_make_one(shop: Shop) -> None:
    first, *_ = filled_up(shop)
    shop.api.call("DELETE", f"/v1/keys/{first}")
    commit, answers = shop.world.store.commit, []

    def meets(*writes: Any) -> None:
        shop.world.store.commit = commit  # type: ignore[method-assign]
        answers.append(shop.api.post("/v1/keys", {}).status)
        commit(*writes)

    shop.world.store.commit = meets  # type: ignore[method-assign]
    answers.append(shop.api.post("/v1/keys", {}).status)
    assert answers == [201, 409]


@pytest.mark.spec("M-3")
def test_two_that_revoke_the_last_two_keys_at_once_leave_one(shop: Shop) -> None:
    other = shop.api.post("/v1/keys", {}).json
    theirs = Client(shop.resolver, other["secret"])
    commit, answers = shop.world.store.commit, []

    def meets(*writes: Any) -> None:
        shop.world.store.commit = commit  # type: ignore[method-assign]
        answers.append(theirs.call("DELETE", "/v1/keys/key_sk_acme").status)
        commit(*writes)

    shop.world.store.commit = meets  # type: ignore[method-assign]
    answers.append(shop.api.call("DELETE", f"/v1/keys/{other['id']}").status)
    assert answers == [200, 409]
    live = [k for k in shop.world.store.api_keys("acme") if k.revoked_at is None]
    assert [key.id for key in live] == [other["id"]]


@pytest.mark.spec("M-3", "M-8")
def test_the_last_key_is_replaced_in_one_step_even_where_there_is_room_for_no_other(
    shop: Shop,
) -> None:
    filled_up(shop)
    replaced = shop.api.post("/v1/keys/key_sk_acme/replace")
    assert replaced.status == 201
    assert replaced.json["scopes"] == ["read", "write"]
    assert replaced.json["made_by"] == "key_sk_acme"
    assert shop.api.call("GET", "/v1/settings").status == 401, "the old one is over at once"
    mine = Client(shop.resolver, replaced.json["secret"])
    assert mine.call("GET", "/v1/settings").status == 200
    assert mine.post("/v1/keys", {}).json["code"] == "too_many_keys"
    gone = mine.post("/v1/keys/key_sk_acme/replace")
    assert (gone.status, gone.json["code"]) == (409, "key_revoked")
    assert mine.post("/v1/keys/key_nobodys/replace").status == 404
    assert shop.other.post(f"/v1/keys/{replaced.json['id']}/replace").status == 404
    actions = {(record.actor, record.action) for record in shop.world.audit.records}
    assert ("key:key_sk_acme", "POST /v1/keys/key_sk_acme/replace") in actions


@pytest.mark.spec("M-3")
def test_the_only_key_is_replaced_and_nobody_gives_more_than_they_hold(shop: Shop) -> None:
    writer = shop.holding("acme", "sk_w", "write")
    refused = writer.post("/v1/keys/key_sk_acme/replace")
    assert (refused.status, refused.json["code"]) == (409, "scope_missing")
    assert shop.api.call("DELETE", "/v1/keys/key_sk_w").status == 200
    only = shop.api.post("/v1/keys/key_sk_acme/replace", idempotency_key="once")
    assert only.status == 201
    live = [k.id for k in shop.world.store.api_keys("acme") if k.revoked_at is None]
    assert live == [only.json["id"]]


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
        {"self_coupon": True},
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
