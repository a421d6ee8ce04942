"""A sweep goes round its shards until all events are delivered or its time is over (R-8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from billing.kernel.errors import Unavailable, Unreachable
from billing.kernel.merchants import Merchant
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.ports import Consumer, Ports
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert
from billing.outbox.flows import deliver
from tests.hurry import room_for
from tests.world import START, World


class Seen:
    """A consumer that counts what it was handed by shard and merchant; it can be out of reach."""

    def __init__(self, world: World, failing: Sequence[str] = ()) -> None:
        self.counts: Counter[tuple[str, int]] = Counter()
        self.ids: set[str] = set()
        self.failing = failing
        consumer = Consumer("only", frozenset(EventKind), self)
        world.ports = replace(world.ports, consumers=lambda: (consumer,))

    def __call__(self, ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime) -> None:
        self.counts[event.merchant, event.shard] += 1
        if event.merchant in self.failing:
            raise Unreachable("It does not answer.")
        self.ids.add(event.id)


@pytest.fixture
def world() -> World:
    world = World(shards=2)
    world.store.commit(Insert(replace(world.merchant, id="rival")))
    return world


def put(world: World, count: int, merchant: str = "acme", shard: int = 0) -> None:
    for n in range(count):
        at = START + n * timedelta(milliseconds=1)
        name = f"{merchant}-{shard}-{n:03d}"
        event = OutboxEvent(name, EventKind.PAUSED, merchant, "cus_1", at, shard)
        world.store.commit(Insert(replace(event, subscription=name)))


def sweep(world: World, **how: Any) -> Counter[str]:
    world.now += timedelta(minutes=5)
    return deliver.sweep(world.ports, now=world.now, **how)


@pytest.mark.spec("R-8")
def test_a_long_backlog_of_one_merchant_is_delivered_in_one_run_that_has_the_time(
    world: World,
) -> None:
    seen = Seen(world)
    put(world, 250)
    assert sweep(world) == {"told": 250}
    assert seen.counts == {("acme", 0): 250}


@pytest.mark.spec("R-8")
def test_shards_and_merchants_share_a_run_that_is_too_short_for_all(world: World) -> None:
    seen = Seen(world)
    put(world, 70)
    put(world, 70, "rival")
    put(world, 70, shard=1)
    tally = sweep(world, limit=20, keep_going=room_for(90))
    assert (tally["told"], tally["left"] > 0) == (90, True)
    assert all(20 <= count <= 40 for count in seen.counts.values()), seen.counts
    assert sum(sweep(world, limit=20).values()) == 120


@pytest.mark.spec("R-8")
def test_a_round_that_delivers_nothing_is_the_last_one_of_its_shard(world: World) -> None:
    """Mail that is out of order is not tried with all that waits: the next run comes soon."""
    seen = Seen(world, failing=["acme"])
    put(world, 250)
    put(world, 250, shard=1, merchant="rival")
    assert sweep(world) == {"unsent": 100, "told": 250}
    assert seen.counts == {("acme", 0): 100, ("rival", 1): 250}


@pytest.mark.spec("R-8")
def test_a_merchant_whose_events_fail_keeps_no_neighbour_from_the_next_round(world: World) -> None:
    seen = Seen(world, failing=["acme"])
    put(world, 60)
    put(world, 250, "rival")
    assert sweep(world)["told"] == 250
    assert seen.counts == {("acme", 0): 60, ("rival", 0): 250}


@pytest.mark.spec("R-8")
def test_an_event_that_cannot_be_claimed_is_tried_once_a_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    Seen(world)
    put(world, 250)
    commit, tried = world.store.commit, Counter[str]()

    def refuse_some(*writes: Any) -> None:
        claim = writes[0]
        if isinstance(claim, Change) and isinstance(claim.before, OutboxEvent):
            tried[claim.before.id] += 1
            if claim.before.id.endswith("7"):
                raise Unavailable("The table is down.")
        commit(*writes)

    monkeypatch.setattr(world.store, "commit", refuse_some)
    assert sweep(world) == {"told": 225, "unsent": 25}
    assert {times for name, times in tried.items() if name.endswith("7")} == {1}


@pytest.mark.spec("R-8")
def test_what_others_have_claimed_is_counted_once_however_many_rounds_there_are(
    world: World,
) -> None:
    Seen(world)
    put(world, 250)
    for event in world.store.undelivered(0, world.now + timedelta(hours=1), 30):
        claimed = replace(event, claimed_until=world.now + timedelta(hours=1))
        world.store.commit(Change(event, claimed))
    assert sweep(world) == {"claimed": 30, "told": 220}
