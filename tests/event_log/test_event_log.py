"""The event log: written for merchants with a reader alone, once each, read oldest first (M-5)."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bench.units import MeteredItems
from billing.event_log.flows import append, read
from billing.event_log.logged_events import (
    COMPLETE_AFTER,
    KEPT,
    READABLE_AFTER,
    EventHour,
    LoggedEvent,
    hour_of,
    id_at,
    place_of,
)
from billing.event_log.public_events import PUBLIC, About, PublicType
from billing.kernel.errors import Conflict, Invalid, Unreachable
from billing.kernel.lists import Changed
from billing.kernel.outbox_events import EventKind
from billing.kernel.subscription import When
from billing.kernel.writes import Change, Insert
from billing.outbox.flows import deliver
from billing.runtime import handlers
from billing.storage.store import ItemStore
from tests.helpdesk.tickets.asking import ask_support
from tests.hurry import Dead
from tests.web.shop import Shop
from tests.world import START, World

PRIVATE = re.compile(r"ann|example\.com|Main Street|Springfield", re.IGNORECASE)


@pytest.fixture
def shop() -> Shop:
    return Shop()


def begin(world: World) -> None:
    """Has somebody read the log for the first time."""
    read.begin(world.ports, world.merchant, now=world.now)
    world.merchant = world.store.merchant("acme") or world.merchant


def logged(world: World) -> list[LoggedEvent]:
    """Returns all of a world's log, whether it can be read yet or not."""
    far = world.now + timedelta(days=400)
    hours = world.store.event_hours("acme", START, far, 10_000)
    parts = (
        world.store.logged_events(
            "acme", h.begins_at, after=id_at(START), until=id_at(far), limit=9999
        )
        for h in hours
    )
    return [event for part in parts for event in part]


def put(world: World, count: int, *, every: timedelta, kind: str = "plan.changed") -> list[str]:
    """Appends events by hand, the last one now."""
    ids = []
    for n in range(count):
        place = world.now - (count - 1 - n) * every
        event = LoggedEvent("acme", id_at(place, f"c{n}"), kind, place, f"c{n}", '{"id":"x"}', "1")
        if world.store.event_hour("acme", place) is None:
            world.store.commit(Insert(EventHour("acme", hour_of(place))))
        world.store.commit(Insert(event))
        ids.append(event.id)
    return ids


# Pure


@pytest.mark.spec("M-5")
def test_every_public_type_is_one_kinds_and_reads_noun_dot_past_tense() -> None:
    assert sorted(t for t, _ in PUBLIC.values()) == sorted(PublicType)
    assert all(re.fullmatch(r"[a-z_]+\.[a-z]+(ed|one|on|ost)", t) for t in PublicType)
    private = set(EventKind) - set(PUBLIC)
    assert private == {
        EventKind.LINK_ASKED,
        EventKind.RESET_ASKED,
        EventKind.EMAIL_ASKED,
        EventKind.TICKET_ASKED,
        EventKind.ACCOUNT_EXISTS,
        EventKind.ACCOUNT_ENDED,
        EventKind.ACCOUNT_ACTIVE,
        EventKind.CREDENTIALS_CHANGED,
    }


def test_an_id_holds_its_place_and_sorts_by_it() -> None:
    later = START + timedelta(microseconds=1)
    assert place_of(id_at(START, "a")) == place_of(id_at(START)) == START
    assert id_at(START) < id_at(START, "a") < id_at(later) < id_at(later, "a")
    assert id_at(START, "a") != id_at(START, "b")


@pytest.mark.parametrize(
    "text",
    ["", "evt_", "evt_1", "1" * 16, f"evt_{'1' * 16}xyz", "evt_" + "٣" * 16],
)
def test_what_is_no_id_is_no_place(text: str) -> None:
    with pytest.raises(ValueError, match="not"):
        place_of(text)


# Written


@pytest.mark.spec("M-5")
def test_nothing_is_written_for_a_merchant_without_a_reader(shop: Shop) -> None:
    shop.world.buy()
    shop.world.advance(days=40)
    assert len(shop.world.mailer.sent) > 2
    assert logged(shop.world) == []
    assert shop.world.store.event_hours("acme", START, shop.world.now, 9) == []


@pytest.mark.spec("M-5")
def test_a_renewal_takes_no_write_more_unless_somebody_reads_the_log() -> None:
    """With a reader it takes the row, its note on the event, and the mark of the hour."""

    def written(*, reader: bool) -> Counter[str]:
        items = MeteredItems()
        world = World()
        world.store = ItemStore(items)
        world.ports = replace(world.ports, store=world.store)
        world.store.commit(Insert(world.merchant))
        if reader:
            begin(world)
        world.buy()
        world.advance(days=26)
        items.written.clear()
        world.advance(days=6)
        return Counter(each.what for each in items.written)

    without, added = written(reader=False), written(reader=True)
    assert added - without == {
        "Insert LoggedEvent": 1,
        "Change OutboxEvent": 1,
        "Insert EventHour": 1,
    }
    assert without - added == {}
    assert without["Change OutboxEvent"] == without["Remove OutboxEvent"] == 1


@pytest.mark.spec("M-5")
def test_what_happens_to_a_purchase_is_logged_once_in_its_order(shop: Shop) -> None:
    world = shop.world
    begin(world)
    world.buy()
    world.advance(days=31)
    world.cancel(When.NOW)
    world.work()
    assert [(e.type, e.subscription) for e in logged(world)] == [
        ("purchase.completed", world.subscription().id),
        ("renewal.announced", world.subscription().id),
        ("subscription.renewed", world.subscription().id),
        ("subscription.ended", world.subscription().id),
    ]
    sequences = [e.sequence for e in logged(world)]
    assert sequences == sorted(set(sequences))


@pytest.mark.spec("M-5")
def test_a_process_that_dies_after_it_logged_logs_nothing_twice(shop: Shop) -> None:
    world = shop.world
    begin(world)
    world.buy()
    world.ports, ports = replace(world.ports, consumers=lambda: _dying), world.ports
    log = handlers.CONSUMERS[-1]

    def die(*_: Any) -> None:
        raise Dead

    _dying = (log, replace(log, name="dying", handle=die, notes_itself=False))
    with pytest.raises(Dead):
        deliver.sweep(world.ports, now=world.now + timedelta(minutes=3))
    world.ports = ports
    world.now += timedelta(minutes=10)
    assert world.work()["told"] == 1
    assert [e.type for e in logged(world)] == ["purchase.completed"]


@pytest.mark.spec("M-5", "R-8")
@pytest.mark.parametrize("first", [True, False])
def test_a_log_that_fails_delays_no_mail_and_a_mail_that_fails_no_log(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, first: bool
) -> None:
    world = shop.world
    begin(world)
    world.buy()

    def refused(*_: Any, **__: Any) -> Any:
        raise Unreachable("It does not answer.")

    with monkeypatch.context() as broken:
        broken.setattr(*(append, "append") if first else (world.mailer, "send"), refused)
        world.work()
    assert len(world.mailer.sent) == first and len(logged(world)) == (not first)
    world.now += timedelta(hours=1)
    world.work()
    assert len(world.mailer.sent) == len(logged(world)) == 1


@pytest.mark.spec("M-5")
def test_an_event_whose_claim_was_lost_is_not_logged(shop: Shop) -> None:
    world = shop.world
    begin(world)
    world.buy()
    (event,) = (e for n in range(4) for e in world.store.undelivered(n, world.now, 9))
    theirs = replace(event, claimed_until=world.now + timedelta(minutes=5))
    world.store.commit(Change(event, theirs))
    with pytest.raises(Conflict):
        append.append(world.ports, event, {"id": "x"})
    assert logged(world) == []


@pytest.mark.spec("M-5")
def test_the_place_of_an_event_is_when_it_is_appended_and_not_when_its_sweep_was_due(
    shop: Shop,
) -> None:
    """A sweep hours late must not write where readers have been."""
    world = shop.world
    begin(world)
    world.buy()
    scheduled = world.now + timedelta(minutes=3)
    world.now += timedelta(hours=5)
    deliver.sweep(world.ports, now=scheduled)
    (event,) = logged(world)
    assert event.appended_at == world.now and event.at == START


# What is shown


def everything(shop: Shop) -> list[LoggedEvent]:
    """A life with many kinds of event."""
    world = shop.world
    begin(world)
    world.buy()
    world.advance(days=31)
    customer = world.store.customer_by_email("acme", "ann@example.com")
    shop.api.call("PATCH", f"/v1/customers/{customer}", {"email": "ann@elsewhere.example"})
    ask_support(world, world.orders("ann@elsewhere.example")[0].id, None, email="zoe@example.com")
    sale = world.orders("ann@elsewhere.example")[0]
    shop.api.post(f"/v1/orders/{sale.id}/refund", {})
    world.cancel(When.PERIOD_END, "ann@elsewhere.example", comment="Ann is leaving")
    world.work()
    return logged(world)


@pytest.mark.spec("M-5", "M-8")
def test_an_event_shows_ids_states_and_amounts_and_nothing_that_names_a_person(
    shop: Shop,
) -> None:
    events = everything(shop)
    shown = {e.type: json.loads(e.object) for e in events}
    assert {o["object"] for o in shown.values()} >= set(About) - {About.DISPUTE}
    assert "cancellation.requested" in shown and "customer.updated" in shown
    for event in events:
        assert not PRIVATE.search(event.object), event.object
        assert len(event.object) < 20_000
    assert shown["refund.succeeded"]["amount"] == {"amount": 2999, "currency": "USD"}
    assert shown["ticket.opened"]["customer"] is None


@pytest.mark.spec("M-5")
def test_a_subscription_in_an_event_is_the_subscription_of_the_api(shop: Shop) -> None:
    world = shop.world
    begin(world)
    world.buy()
    world.advance(days=31)
    renewed = next(e for e in logged(world) if e.type == "subscription.renewed")
    now = shop.api.get(f"/v1/subscriptions/{renewed.subscription}").json
    assert json.loads(renewed.object) == {"object": "subscription", **now}


@pytest.mark.spec("M-8")
def test_an_erased_customer_is_in_no_event_before_or_after(shop: Shop) -> None:
    world = shop.world
    events = everything(shop)
    world.advance(days=40)
    customer = events[0].customer
    assert shop.api.post(f"/v1/customers/{customer}/erase").status == 200
    world.work()
    assert len(logged(world)) > len(events)
    assert not [e for e in logged(world) if PRIVATE.search(e.object)]


# Read


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
    (event,) = again["data"]
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
