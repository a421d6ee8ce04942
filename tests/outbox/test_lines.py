"""Events of one purchase are delivered in their order, however many processes deliver (R-8)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from threading import Barrier
from typing import Any

import pytest

from billing.aws.sqs_queue import leases_of
from billing.kernel.errors import Conflict, Unreachable
from billing.kernel.merchants import Merchant
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.ports import Consumer, Ports
from billing.kernel.snapshots import TicketSnapshot
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert
from billing.outbox import lines
from billing.outbox.flows import deliver
from billing.rebill.flows import worker
from billing.runtime import wiring
from tests.world import START, World

SECOND = timedelta(seconds=1)


def event(number: int, about: str | None = "sub_1", **fields: Any) -> OutboxEvent:
    at = START + number * timedelta(milliseconds=50)
    made = OutboxEvent(f"event-{number:03d}", EventKind.PAUSED, "acme", "cus_1", at, 0)
    return replace(made, subscription=about, **fields)


def names(events: Sequence[OutboxEvent]) -> list[tuple[int, datetime, str]]:
    return [(e.shard, e.at, e.id) for e in events]


class Seen:
    """A consumer that keeps the order of what it was handed; it does `meanwhile` with each."""

    def __init__(self, world: World, failing: tuple[str, ...] = ()) -> None:
        self.ids: list[str] = []
        self.meanwhile = lambda event: None
        self.failing = failing
        consumer = Consumer("only", frozenset(EventKind), self)
        world.ports = replace(world.ports, consumers=lambda: (consumer,))

    def __call__(self, ports: Ports, event: OutboxEvent, merchant: Merchant, now: datetime) -> None:
        self.meanwhile(event)
        if event.id in self.failing:
            raise Unreachable("It does not answer.")
        self.ids.append(event.id)


@pytest.fixture
def world() -> World:
    return World(shards=1)


def put(world: World, *events: OutboxEvent) -> None:
    for each in events:
        world.store.commit(Insert(each))


# Pure


@pytest.mark.parametrize(
    ("written", "line"),
    [
        (event(1, "sub_1"), "sub_1"),
        (event(1, "sub_1", invoice="sub_1.3"), "sub_1"),
        (event(1, None, invoice="pur_1.1"), "pur_1"),
        (event(1, None), "event-001"),
        (
            event(1, None, code="t_1~m_2", ticket_was=TicketSnapshot("x", None)),
            "t_1",
        ),
    ],
)
def test_an_event_stands_in_the_line_of_what_it_is_about(written: OutboxEvent, line: str) -> None:
    assert lines.line_of(written) == ("acme", line)


def test_rounds_hold_one_event_of_each_line_and_keep_the_order_of_all() -> None:
    a1, a2, b1, c1, a3 = event(1), event(2), event(3, "b"), event(4, "c"), event(5)
    assert lines.rounds([a1, a2, b1, c1, a3]) == [[a1, b1, c1], [a2], [a3]]
    assert lines.rounds([]) == []


def test_behind_an_event_that_is_being_delivered_its_line_waits_and_no_other() -> None:
    claimed = event(1, claimed_until=START + lines.CLAIM)
    behind, other = event(2), event(3, "b")
    both = {lines.line_of(behind), lines.line_of(other)}
    assert lines.ready([claimed, behind, other], both, START) == [other]
    over = START + lines.CLAIM
    assert lines.ready([claimed, behind, other], both, over) == [claimed, behind, other]


@pytest.mark.parametrize(
    "put_off",
    [{"failures": 1}, {"claimed_until": START + timedelta(hours=1)}],
    ids=["it failed", "its merchant is disarmed"],
)
def test_behind_an_event_that_was_put_off_nobody_waits(put_off: dict[str, Any]) -> None:
    first = event(1, **{"claimed_until": START + lines.CLAIM, **put_off})
    assert lines.ready([first, event(2)], {lines.line_of(first)}, START) == [event(2)]


# The stream


@pytest.mark.spec("R-8")
def test_the_second_event_of_a_purchase_takes_the_first_along(world: World) -> None:
    """Lambda may hand them to two processes at once, the second one first."""
    seen = Seen(world)
    first, second, stranger = event(1), event(2), event(3, "b")
    put(world, first, second, stranger)
    tally = deliver.deliver(world.ports, names([second]), now=world.now + SECOND)
    assert seen.ids == ["event-001", "event-002"]
    assert tally["told"] == 2
    tally = deliver.deliver(world.ports, names([first, stranger]), now=world.now + SECOND)
    assert seen.ids == ["event-001", "event-002", "event-003"]
    assert tally == {"told": 1, "told_before": 1}


@pytest.mark.spec("R-8")
def test_an_event_that_is_taken_along_comes_after_those_ahead_of_it(world: World) -> None:
    """The third is seconds away from the second, and the second from the first."""
    seen = Seen(world)
    first, second, third = event(0), event(170), event(340)
    put(world, first, second, third)
    deliver.deliver(world.ports, names([third]), now=world.now + 20 * SECOND)
    assert seen.ids == ["event-000", "event-170", "event-340"]


@pytest.mark.spec("R-8")
def test_who_delivers_the_first_goes_on_with_what_another_left_behind_it(world: World) -> None:
    seen = Seen(world)
    first, second = event(1), event(2)
    put(world, first, second)
    left: list[Any] = []

    def meanwhile(handed: OutboxEvent) -> None:
        if handed.id == first.id:
            again = deliver.deliver(world.ports, names([second]), now=world.now + SECOND)
            left.append((dict(again), list(seen.ids)))

    # Written once the first is claimed, as the stream would tell of it a moment later.
    seen.meanwhile = meanwhile
    tally = deliver.deliver(world.ports, names([first]), now=world.now + SECOND)
    assert left == [({}, [])], "it left the second to whoever has the first"
    assert seen.ids == ["event-001", "event-002"]
    assert tally["told"] == 2


@pytest.mark.spec("R-8")
def test_a_first_event_that_fails_keeps_the_second_waiting_no_longer(world: World) -> None:
    seen = Seen(world, failing=("event-001",))
    put(world, event(1), event(2))
    tally = deliver.deliver(world.ports, names([event(1), event(2)]), now=world.now + SECOND)
    assert tally == {"unsent": 1, "told": 1} and seen.ids == ["event-002"]
    put(world, event(3))
    deliver.deliver(world.ports, names([event(3)]), now=world.now + 2 * SECOND)
    assert seen.ids == ["event-002", "event-003"]


@pytest.mark.spec("R-8")
def test_where_very_many_wait_around_it_a_named_event_is_delivered_all_the_same(
    world: World,
) -> None:
    seen = Seen(world)
    put_off = START + timedelta(days=1)
    for number in range(deliver.LOOK + 5):
        waits = event(0, "b", id=f"a-{number:04d}", claimed_until=put_off, failures=1)
        put(world, waits)
    named = event(1)
    put(world, named)
    tally = deliver.deliver(world.ports, names([named]), now=world.now + SECOND)
    assert tally["told"] == 1 and seen.ids == ["event-001"]


@pytest.mark.spec("R-8")
def test_events_of_different_purchases_are_delivered_side_by_side(world: World) -> None:
    seen = Seen(world)
    world.ports = replace(world.ports, each=wiring.side_by_side)
    together = Barrier(4, timeout=20)
    seen.meanwhile = lambda handed: (together.wait(), None)[1]
    events = [event(n, f"sub_{n}") for n in range(4)]
    put(world, *events)
    tally = deliver.deliver(world.ports, names(events), now=world.now + SECOND)
    assert tally["told"] == 4


@pytest.mark.spec("R-8")
def test_threads_keep_the_order_of_each_purchase(world: World) -> None:
    seen = Seen(world)
    world.ports = replace(world.ports, each=wiring.side_by_side)
    events = [event(n, f"sub_{n % 5}") for n in range(40)]
    put(world, *events)
    for batch in (events[::3], events[1::3], events[2::3]):
        deliver.deliver(world.ports, names(batch), now=world.now + 3 * SECOND)
    assert sorted(seen.ids) == sorted(e.id for e in events)
    for number in range(5):
        of_one = [e.id for e in events if e.subscription == f"sub_{number}"]
        assert [i for i in seen.ids if i in of_one] == of_one


@pytest.mark.spec("R-8")
def test_what_the_stream_has_no_time_for_is_left_to_the_sweep(world: World) -> None:
    seen = Seen(world)
    events = [event(n, f"sub_{n}") for n in range(3)]
    put(world, *events)
    left = iter([True, False, False])
    tally = deliver.deliver(
        world.ports, names(events), now=world.now + SECOND, keep_going=partial(next, left)
    )
    assert tally == {"told": 1, "left": 2}
    deliver.sweep(world.ports, now=world.now + timedelta(minutes=5))
    assert len(seen.ids) == 3


# What is written together is found together


@pytest.mark.spec("R-8")
def test_all_events_of_a_subscription_share_its_outbox_shard() -> None:
    """A shard is searched for what stands ahead: events in another one would not be found."""
    world = World(shards=16)
    for number in range(4):
        world.buy(email=f"ann{number}@example.com")
    shards: dict[str, set[int]] = {}

    def note() -> None:
        for shard in range(16):
            for each in world.store.undelivered(shard, world.now + timedelta(days=1), 1000):
                shards.setdefault(lines.line_of(each)[1], set()).add(each.shard)

    note()
    world.work()
    for _ in range(2):
        world.now += timedelta(days=28)
        world.sweep()
        while world.queue.bodies:
            worker.take(world.ports, leases_of(world.queue.bodies.pop(0)), now=world.now)
        note()
        world.work()
    for number in range(4):
        world.cancel(email=f"ann{number}@example.com")
    note()
    assert len(shards) == 4
    assert all(len(each) == 1 for each in shards.values())


def test_a_change_of_an_event_keeps_it_where_it_is(world: World) -> None:
    first = event(1)
    put(world, first)
    noted = replace(first, done=("mail",), failures=1)
    world.store.commit(Change(first, noted))
    assert world.store.outbox_event(0, first.at, first.id) == noted


@pytest.mark.spec("R-8")
@pytest.mark.parametrize("error", [Unreachable("It does not answer."), Conflict()])
def test_behind_an_event_that_could_not_be_claimed_its_line_waits_and_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    seen = Seen(world)
    first, second, stranger = event(1), event(2), event(3, "b")
    put(world, first, second, stranger)
    whole = world.store.commit

    def commit(*writes: Any) -> None:
        if any(isinstance(w, Change) and w.before == first for w in writes):
            raise error
        whole(*writes)

    monkeypatch.setattr(world.store, "commit", commit)
    deliver.deliver(world.ports, names([first, second, stranger]), now=world.now + SECOND)
    assert seen.ids == [stranger.id]
    monkeypatch.undo()
    deliver.sweep(world.ports, now=world.now + timedelta(minutes=5))
    assert seen.ids == [stranger.id, first.id, second.id]
