"""Endpoints and deliveries in /v1: made, listed, rotated, tested, resent, replayed (M-5)."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from billing.webhooks.endpoints import MOST_ENDPOINTS
from tests.web.shop import Shop
from tests.webhooks.hooks import OTHER, URL

pytestmark = pytest.mark.spec("M-5")

HERE = "/v1/webhook-endpoints"


@pytest.fixture
def shop() -> Shop:
    return Shop()


def made(shop: Shop, **fields: Any) -> dict[str, Any]:
    answer = shop.api.post(HERE, {"url": URL, "events": ["*"], **fields})
    assert answer.status == 201, answer.json
    found: dict[str, Any] = answer.json
    return found


def test_an_endpoint_is_made_with_its_secret_which_is_never_shown_again(shop: Shop) -> None:
    created = made(shop, name="Members")
    secret = created.pop("secret")
    assert secret.startswith("whsec_")
    assert created == {
        "id": created["id"],
        "url": URL,
        "name": "Members",
        "events": ["*"],
        "status": "enabled",
        "disabled_reason": None,
        "disabled_at": None,
        "failing_since": None,
        "created_at": "2026-01-31T15:00:00Z",
    }
    shown = shop.api.get(f"{HERE}/{created['id']}")
    listed = shop.api.get(HERE)
    assert shown.json == created
    assert listed.json == {"data": [created], "next": None}
    assert secret not in json.dumps([shown.json, listed.json])


@pytest.mark.parametrize(
    ("fields", "field", "reason"),
    [
        ({"url": "http://hooks.example.com/"}, "url", "webhook_url_malformed"),
        ({"url": "https://10.0.0.1/"}, "url", "webhook_host"),
        ({"url": "https://pay.example.com/v1/keys"}, "url", "webhook_host"),
        ({"url": "https://hooks.example.com/" + "a" * 600}, "url", "too_long"),
        ({"url": 5}, "url", "text_needed"),
        ({"events": []}, "events", "too_few_entries"),
        ({"events": ["purchase.made"]}, "events[0]", "event_type_unknown"),
        ({"events": ["a" * 100]}, "events[0]", "too_long"),
        ({"events": ["*"] * 100}, "events", "too_many_entries"),
        ({"events": "*"}, "events", "list_needed"),
        ({"name": "a" * 200}, "name", "too_long"),
        ({"name": "a\nb"}, "name", "control_characters"),
        ({"secret": "mine"}, "secret", "field_unknown"),
    ],
)
def test_wrong_input_is_refused_by_its_field(
    shop: Shop, fields: dict[str, Any], field: str, reason: str
) -> None:
    answer = shop.api.post(HERE, {"url": URL, "events": ["*"], **fields})
    assert answer.status == 422, answer.json
    (error, *_) = answer.json["errors"]
    assert (error["field"], error["reason"]) == (field, reason)


def test_types_are_kept_once_and_all_of_them_as_a_star(shop: Shop) -> None:
    twice = made(shop, events=["ticket.opened", "ticket.opened", "dispute.won"])
    assert twice["events"] == ["ticket.opened", "dispute.won"]
    assert made(shop, events=["ticket.opened", "*"])["events"] == ["*"]


def test_a_merchant_has_a_limited_number_of_endpoints(shop: Shop) -> None:
    for _ in range(MOST_ENDPOINTS):
        made(shop)
    refused = shop.api.post(HERE, {"url": URL, "events": ["*"]})
    assert (refused.status, refused.json["code"]) == (409, "too_many_endpoints")


def test_the_same_request_makes_one_endpoint_and_shows_its_secret_again(shop: Shop) -> None:
    sent = {"url": URL, "events": ["*"]}
    first = shop.api.post(HERE, sent, idempotency_key="once")
    again = shop.api.post(HERE, sent, idempotency_key="once")
    assert first.json == again.json
    assert len(shop.api.get(HERE).json["data"]) == 1


def test_an_endpoint_is_changed_disabled_enabled_and_deleted(shop: Shop) -> None:
    one = f"{HERE}/{made(shop)['id']}"
    changed = shop.api.call(
        "PATCH", one, {"url": OTHER, "events": ["ticket.opened"], "name": "Site"}
    ).json
    assert (changed["url"], changed["events"], changed["name"]) == (
        OTHER,
        ["ticket.opened"],
        "Site",
    )
    assert shop.api.call("PATCH", one, {"name": ""}).json["name"] is None
    off = shop.api.call("PATCH", one, {"enabled": False}).json
    assert (off["status"], off["disabled_reason"]) == ("disabled", "by_merchant")
    assert shop.api.post(f"{one}/test", {}).json["code"] == "endpoint_disabled"
    assert shop.api.call("PATCH", one, {"enabled": True}).json["status"] == "enabled"
    assert shop.api.call("PATCH", one, {"url": "http://x/"}).status == 422
    assert shop.api.call("DELETE", one).status == 204
    assert shop.api.get(one).status == 404
    assert shop.api.call("DELETE", one).status == 404


def test_another_merchants_endpoint_is_not_found(shop: Shop) -> None:
    created = made(shop)
    shop.world.buy()
    shop.world.work()
    one = f"{HERE}/{created['id']}"
    delivery = shop.api.get(f"{one}/deliveries").json["data"][0]["id"]
    span = {"from": "2026-01-01", "to": "2026-12-31"}
    answers = [
        shop.other.get(one),
        shop.other.call("PATCH", one, {"enabled": False}),
        shop.other.call("DELETE", one),
        shop.other.post(f"{one}/rotate-secret", {}),
        shop.other.post(f"{one}/test", {}),
        shop.other.post(f"{one}/replay", span),
        shop.other.get(f"{one}/deliveries"),
        shop.other.post(f"/v1/deliveries/{delivery}/resend", {}),
    ]
    assert {answer.status for answer in answers} == {404}
    assert shop.other.get(HERE).json["data"] == []


def test_keys_without_the_scope_and_strangers_change_nothing(shop: Shop) -> None:
    one = f"{HERE}/{made(shop)['id']}"
    reader = shop.holding("acme", "sk_reader", "read")
    assert reader.get(one).status == 200
    for answer in (
        reader.post(HERE, {"url": URL, "events": ["*"]}),
        reader.call("PATCH", one, {"enabled": False}),
        reader.call("DELETE", one),
        reader.post(f"{one}/rotate-secret", {}),
        reader.post(f"{one}/test", {}),
        reader.post("/v1/deliveries/a.b/resend", {}),
    ):
        assert (answer.status, answer.json["code"]) == (403, "scope_missing")
    assert shop.stranger.get(HERE).status == 401


def test_a_secret_is_rotated_once_a_day(shop: Shop) -> None:
    created = made(shop)
    one = f"{HERE}/{created['id']}"
    first = shop.api.post(f"{one}/rotate-secret", {}).json
    assert first["secret"] != created["secret"]
    refused = shop.api.post(f"{one}/rotate-secret", {})
    assert (refused.status, refused.json["code"]) == (409, "secret_just_rotated")
    shop.world.now += timedelta(hours=24)
    assert shop.api.post(f"{one}/rotate-secret", {}).json["secret"] != first["secret"]


def test_a_test_event_is_sent_and_shown_among_the_deliveries(shop: Shop) -> None:
    one = f"{HERE}/{made(shop)['id']}"
    sent = shop.api.post(f"{one}/test", {}).json
    assert (sent["type"], sent["state"]) == ("endpoint.tested", "pending")
    shop.world.work_webhooks()
    (post,) = shop.world.receivers.posts
    assert json.loads(post.body)["type"] == "endpoint.tested"
    (listed,) = shop.api.get(f"{one}/deliveries").json["data"]
    assert (listed["id"], listed["state"], listed["response_status"]) == (
        sent["id"],
        "delivered",
        200,
    )
    for _ in range(40):
        last = shop.api.post(f"{one}/test", {})
    assert last.status == 429


def test_deliveries_are_filtered_and_paged_latest_first(shop: Shop) -> None:
    one = f"{HERE}/{made(shop)['id']}"
    for n in range(5):
        shop.world.buy(email=f"p{n}@example.com")
        shop.world.work()
        shop.api.post(f"{one}/test", {})
        shop.world.work_webhooks()
        shop.world.now += timedelta(minutes=1)
    seen: list[str] = []
    cursor: str | None = None
    while True:
        query = f"?type=purchase.completed&limit=2{f'&cursor={cursor}' if cursor else ''}"
        page = shop.api.get(f"{one}/deliveries{query}").json
        seen += [each["event"] for each in page["data"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert len(seen) == 5
    assert seen == sorted(seen, reverse=True)
    assert shop.api.get(f"{one}/deliveries?state=pending").json["data"] == []
    assert shop.api.get(f"{one}/deliveries?state=lost").status == 422
    assert shop.api.get(f"{one}/deliveries?cursor=abc").status == 422


def test_a_delivery_is_sent_again_with_its_id(shop: Shop) -> None:
    one = f"{HERE}/{made(shop, events=['purchase.completed'])['id']}"
    shop.world.buy()
    shop.world.work()
    (delivery,) = shop.api.get(f"{one}/deliveries").json["data"]
    again = shop.api.post(f"/v1/deliveries/{delivery['id']}/resend", {})
    assert again.json["state"] == "pending"
    shop.world.work_webhooks()
    assert [post.event for post in shop.world.receivers.posts] == [delivery["event"]] * 2
    for unknown in ("a", "a.b", f"{delivery['id']}0", f"x.{delivery['event']}"):
        assert shop.api.post(f"/v1/deliveries/{unknown}/resend", {}).status == 404


def test_a_range_is_replayed_in_the_background_with_the_same_ids(shop: Shop) -> None:
    shop.api.get("/v1/events")
    shop.world.buy()
    shop.world.advance(days=40)
    one = f"{HERE}/{made(shop, url=OTHER)['id']}"
    logged = shop.api.get("/v1/events?limit=200").json["data"]
    wanted = [each["id"] for each in logged if each["type"] == "subscription.renewed"]
    answer = shop.api.post(
        f"{one}/replay",
        {"from": "2026-01-31", "to": "2026-12-31", "types": ["subscription.renewed"]},
    )
    assert answer.status == 202
    again = shop.api.post(f"{one}/replay", {"from": "2026-01-31", "to": "2026-12-31"})
    assert again.json["code"] == "replay_under_way"
    shop.world.advance(minutes=5)
    assert [post.event for post in shop.world.receivers.posts if post.url == OTHER] == wanted
    assert shop.api.post(f"{one}/replay", {"from": "2026-01-31", "to": "2026-12-31"}).status == 202
    shop.world.advance(minutes=5)
    sent = [post.event for post in shop.world.receivers.posts if post.url == OTHER]
    assert set(sent) == {each["id"] for each in logged}


@pytest.mark.parametrize(
    ("span", "field", "reason"),
    [
        ({}, "from", "required"),
        ({"from": "2026-01-31"}, "to", "required"),
        ({"from": "soon", "to": "2026-01-31"}, "from", "date_malformed"),
        ({"from": "2026-02-01", "to": "2026-01-01"}, "to", "range_empty"),
        ({"from": "2020-01-01", "to": "2021-01-01"}, "to", "range_too_old"),
        ({"from": "2026-01-01", "to": "2027-01-01", "types": []}, "types", "too_few_entries"),
        ({"from": "2026-01-01", "to": "2027-01-01", "types": ["x.y"]}, "events[0]", None),
    ],
)
def test_a_wrong_range_is_refused_by_its_field(
    shop: Shop, span: dict[str, Any], field: str, reason: str | None
) -> None:
    one = f"{HERE}/{made(shop)['id']}"
    answer = shop.api.post(f"{one}/replay", span)
    assert answer.status == 422, answer.json
    assert answer.json["errors"][0]["field"] in (field, "types[0]")
    assert reason in (None, answer.json["errors"][0]["reason"])


def test_a_replay_of_years_walks_what_is_kept_and_ends(shop: Shop) -> None:
    one = f"{HERE}/{made(shop)['id']}"
    shop.world.buy()
    shop.world.advance(days=200)
    before = len(shop.world.receivers.posts)
    answer = shop.api.post(f"{one}/replay", {"from": "2020-01-01", "to": "2090-01-01"})
    assert answer.status == 202
    shop.world.advance(minutes=10)
    assert len(shop.world.receivers.posts) > before
    job = shop.world.store.job("acme", answer.json["id"])
    assert job is not None and job.is_over
