"""The log of events as its merchant reads it: pages, types, places, and what changed (M-5)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from billing.event_log.flows import read
from billing.event_log.logged_events import (
    COMPLETE_AFTER,
    KEPT,
    READABLE_AFTER,
    id_at,
)
from billing.kernel.errors import Invalid
from billing.kernel.lists import Changed
from billing.kernel.subscription import When
from tests.event_log.logs import begin, put
from tests.web.shop import Shop
from tests.world import START, World


@pytest.mark.spec("M-5")
def test_the_first_call_begins_the_log_and_says_since_when_it_is_complete(shop: Shop) -> None:
    world = shop.world
    world.buy()
    world.work()
    first = shop.api.get("/v1/events").json
    complete = (world.now + COMPLETE_AFTER).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert first == {"data": [], "next": None, "complete_since": complete}
    world.now += timedelta(hours=1)
    world.cancel(When.NOW)
    world.work()
    world.now += READABLE_AFTER + timedelta(microseconds=1)
    again = shop.api.get("/v1/events").json
    event, access = sorted(again["data"], key=lambda each: each["type"], reverse=True)
    assert access["type"] == "customer.access_changed"
    assert access["sequence"] == event["sequence"]
    assert (event["type"], event["api_version"]) == ("subscription.ended", "1")
    assert event["data"]["object"]["state"] == "cancelled"
    assert event["created_at"] == "2026-01-31T16:00:00Z"
    assert again["complete_since"] == complete
    assert shop.other.call("GET", "/v1/events").json["data"] == []


@pytest.mark.spec("M-5")
def test_an_event_is_read_ten_seconds_after_it_is_appended(shop: Shop) -> None:
    world = shop.world
    begin(world)
    (event,) = put(world, 1, every=timedelta(0))

    def seen() -> list[str]:
        return [e["id"] for e in shop.api.get("/v1/events").json["data"]]

    assert seen() == []
    world.now += READABLE_AFTER
    assert seen() == [], "one with the same place may still be written"
    world.now += timedelta(microseconds=1)
    assert seen() == [event]


@pytest.mark.spec("M-5", "M-3")
@pytest.mark.parametrize("limit", [1, 3, 200])
def test_pages_go_through_all_events_once_oldest_first(shop: Shop, limit: int) -> None:
    world = shop.world
    begin(world)
    world.now += timedelta(days=1)
    ids = put(world, 25, every=timedelta(minutes=17))
    world.now += timedelta(minutes=1)
    found, after, pages = [], None, 0
    while pages == 0 or after:
        query = {"limit": str(limit)} | ({"after": after} if after else {})
        page = shop.api.get("/v1/events", **query).json
        found += [e["id"] for e in page["data"]]
        after, pages = page["next"], pages + 1
        assert len(page["data"]) <= limit
    assert found == ids
    assert pages == -(-25 // limit)
    last = shop.api.get("/v1/events", after=ids[-1]).json
    assert (last["data"], last["next"]) == ([], None)


@pytest.mark.spec("M-5")
def test_what_is_appended_after_the_last_page_is_read_from_there_on(shop: Shop) -> None:
    world = shop.world
    begin(world)
    world.now += timedelta(hours=2)
    first = put(world, 2, every=timedelta(minutes=1))
    world.now += timedelta(minutes=1)
    assert [e["id"] for e in shop.api.get("/v1/events").json["data"]] == first
    second = put(world, 1, every=timedelta(0))
    world.now += timedelta(minutes=1)
    follow = shop.api.get("/v1/events", after=first[-1]).json
    assert [e["id"] for e in follow["data"]] == second


@pytest.mark.spec("M-5")
def test_a_type_is_looked_for_in_bounded_steps_each_of_which_says_where_to_go_on(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = shop.world
    monkeypatch.setattr(read, "ROWS_AT_MOST", 10)
    monkeypatch.setattr(read, "PART", 5)
    monkeypatch.setattr(read, "HOURS_AT_MOST", 4)
    begin(world)
    world.now += timedelta(days=2)
    put(world, 30, every=timedelta(minutes=30))
    world.now += timedelta(minutes=1)
    rare = put(world, 1, every=timedelta(0), kind="dispute.lost")
    world.now += timedelta(minutes=1)
    found, after, calls = [], None, 0
    while calls == 0 or after:
        query = {"type": "dispute.lost"} | ({"after": after} if after else {})
        page = shop.api.get("/v1/events", **query).json
        found += [e["id"] for e in page["data"]]
        after, calls = page["next"], calls + 1
    assert found == rare
    assert 3 < calls < 10


@pytest.mark.spec("M-5")
def test_events_older_than_ninety_days_are_not_read_though_they_may_still_be_stored(
    shop: Shop,
) -> None:
    world = shop.world
    begin(world)
    (old,) = put(world, 1, every=timedelta(0))
    world.now += KEPT - timedelta(minutes=1)
    assert old in [e["id"] for e in shop.api.get("/v1/events").json["data"]]
    (young,) = put(world, 1, every=timedelta(0), kind="dispute.won")
    world.now += timedelta(minutes=30)
    answer = shop.api.get("/v1/events", after=id_at(START - timedelta(days=9))).json
    assert [e["id"] for e in answer["data"]] == [young]
    assert answer["complete_since"] == (world.now - KEPT).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.spec("M-3")
def test_a_place_that_is_none_and_a_type_that_is_none_are_refused(shop: Shop) -> None:
    bad = shop.api.get("/v1/events", after="evt_1")
    assert (bad.status, bad.json["field"]) == (422, "after")
    bad = shop.api.get("/v1/events", type="subscription.exploded")
    assert (bad.status, bad.fields) == (422, ["type"])


def test_two_first_readers_begin_one_log() -> None:
    world = World()
    as_read = world.merchant
    begun = read.begin(world.ports, as_read, now=world.now)
    later = world.now + timedelta(minutes=1)
    assert read.begin(world.ports, as_read, now=later) == begun == world.now


@pytest.mark.spec("M-5")
@pytest.mark.parametrize("what", ["subscription", "customer", "invoice"])
def test_ids_of_what_changed_since_an_instant_are_named_once(shop: Shop, what: str) -> None:
    world = shop.world
    begin(world)
    for n in range(3):
        world.buy(email=f"ann{n}@example.com")
        world.work()
        world.now += timedelta(minutes=10)
    since = world.now
    world.cancel(When.PERIOD_END, "ann1@example.com")
    world.work()
    world.now += timedelta(hours=1)

    def changed(**how: Any) -> Changed:
        return read.changed(world.ports, world.merchant, what, now=world.now, **how)

    every = changed(since=START, limit=50)
    owners = [world.subscription(f"ann{n}@example.com") for n in range(3)]
    wanted: dict[str, Callable[[Any], str]] = {
        "subscription": lambda s: s.id,
        "customer": lambda s: s.customer,
        "invoice": lambda s: f"{s.id}.0001",
    }
    ids, customers = [wanted[what](s) for s in owners], [s.customer for s in owners]
    assert (every.owners, every.next) == (tuple(zip(customers, ids, strict=True)), None)
    recent = changed(since=since, limit=50).owners
    assert recent == (() if what == "invoice" else ((customers[1], ids[1]),))
    first = changed(since=START, limit=2)
    assert [each for _, each in first.owners] == ids[:2] and first.next is not None
    rest = changed(since=START, after=first.next, limit=2).owners
    assert ids[2] in [each for _, each in rest]


def test_a_question_for_ids_refuses_a_place_that_is_none() -> None:
    world = World()
    with pytest.raises(Invalid):
        read.changed(
            *(world.ports, world.merchant, "customer"),
            since=START,
            after="x",
            limit=1,
            now=world.now,
        )
