"""Events that are sent again up to now, by clocks that differ by seconds (M-5)."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from billing.event_log.logged_events import EventHour, LoggedEvent, hour_of, id_at
from billing.kernel.writes import Insert
from billing.webhooks.deliveries import Delivery, DeliveryState
from billing.webhooks.flows import endpoints, recover, resend, sweep
from tests.webhooks.hooks import Hooks
from tests.world import World

pytestmark = pytest.mark.spec("M-5")

AHEAD = timedelta(seconds=5)


def enabled(hooks: Hooks, *, on: bool) -> None:
    world = hooks.world
    endpoints.change(world.ports, "acme", hooks.endpoint.id, enabled=on, now=world.now)


def replay_up_to_now(hooks: Hooks) -> None:
    now = hooks.world.now
    span = {"since": now - timedelta(hours=1), "until": now, "now": now}
    resend.replay(hooks.world.ports, "acme", hooks.endpoint.id, **span)


def test_what_a_clock_ahead_logged_while_an_endpoint_was_disabled_is_replayed(
    hooks: Hooks,
) -> None:
    enabled(hooks, on=False)
    hooks.world.now += AHEAD
    hooks.buy()
    hooks.world.now -= AHEAD
    enabled(hooks, on=True)
    replay_up_to_now(hooks)
    assert "purchase.completed" not in hooks.types()
    hooks.wait(minutes=10)
    assert "purchase.completed" in hooks.types()


def test_what_is_logged_meanwhile_is_sent_once(hooks: Hooks) -> None:
    """The range goes beyond now, for the clocks' sake, and not for what is on its way by itself."""
    enabled(hooks, on=False)
    hooks.buy()
    enabled(hooks, on=True)
    replay_up_to_now(hooks)
    hooks.world.now += AHEAD
    hooks.buy(email="bob@example.com")
    hooks.wait(minutes=10)
    events = Counter(post.event for post in hooks.posts())
    assert set(events.values()) == {1}
    assert hooks.types().count("purchase.completed") == 2


def test_a_range_that_ends_before_now_ends_there(hooks: Hooks) -> None:
    hooks.buy()
    hooks.wait(minutes=10)
    sent = len(hooks.posts())
    now = hooks.world.now
    span = {"since": now - timedelta(days=1), "until": now - timedelta(hours=1), "now": now}
    resend.replay(hooks.world.ports, "acme", hooks.endpoint.id, **span)
    hooks.wait(minutes=10)
    assert len(hooks.posts()) == sent


def log(hooks: Hooks, kinds: list[str]) -> list[LoggedEvent]:
    """Logs events of the last hour, as a busy merchant has them, a millisecond apart."""
    begins = hour_of(hooks.world.now) - timedelta(hours=1)
    logged = [
        LoggedEvent(
            *("acme", id_at(begins + timedelta(milliseconds=number), f"{number}"), kind),
            *(begins, f"{number}", '{"object":"invoice","id":"x"}', "1"),
        )
        for number, kind in enumerate(kinds)
    ]
    hooks.world.store.commit(Insert(EventHour("acme", begins)))
    for each in logged:
        hooks.world.store.commit(Insert(each))
    return logged


def test_a_replay_of_few_events_of_many_waits_for_none_of_the_others(hooks: Hooks) -> None:
    log(hooks, ["invoice.voided"] * 1500 + ["refund.succeeded"])
    now = hooks.world.now
    span = {"since": now - timedelta(hours=2), "until": now, "now": now}
    kinds = ["refund.succeeded"]
    resend.replay(hooks.world.ports, "acme", hooks.endpoint.id, types=kinds, **span)
    hooks.wait(minutes=2)
    assert hooks.types() == kinds


def test_what_an_endpoint_lacks_waits_for_nothing_that_it_has(hooks: Hooks) -> None:
    world, states = hooks.world, [DeliveryState.EXHAUSTED, *[DeliveryState.DELIVERED] * 1500]
    logged = log(hooks, ["invoice.voided"] * 1502)
    for each, state in zip(logged, [*states, DeliveryState.EXHAUSTED], strict=True):
        place = "acme", hooks.endpoint.id, each.id, each.type
        world.store.commit(Insert(Delivery(*place, world.now, 0, None, state, attempts=10)))
    owing = hooks.current.owes(logged[0].id)
    world.store.commit(*recover.writes(world.ports, owing, world.now))
    hooks.wait(minutes=2)
    assert {post.event for post in hooks.posts()} == {logged[0].id, logged[-1].id}


def test_who_sent_many_deliveries_again_may_still_try_an_endpoint(hooks: Hooks) -> None:
    world = hooks.world
    hooks.buy()
    delivery = hooks.deliveries()[0].id
    for _ in range(endpoints.TESTS_AT_MOST + 1):
        resend.resend(world.ports, "acme", delivery)
    endpoints.test(world.ports, "acme", hooks.endpoint.id)
    world.work()
    assert "endpoint.tested" in hooks.types()


def test_what_is_due_to_busy_endpoints_puts_off_no_other() -> None:
    """Two replays are due faster than a round of the sweep goes; a third endpoint has a retry."""
    world = World(shards=1)
    hooks = Hooks(world)
    others = [hooks.add(f"https://{n}.example.net/")[0] for n in range(2)]
    places = [(other.id, number) for other in others for number in range(250)]
    for endpoint, number in [*places, (hooks.endpoint.id, 500)]:
        at = world.now + timedelta(milliseconds=number)
        place = "acme", endpoint, id_at(at, "cause"), "invoice.voided"
        world.store.commit(Insert(Delivery(*place, world.now, 0, at)))
    swept = sweep.sweep(world.ports, now=world.now + timedelta(minutes=1))
    assert swept["webhooks_started"] == len(places) + 1


def test_a_replay_sends_an_endpoint_the_types_that_it_is_for_unless_others_are_named() -> None:
    hooks = Hooks(events=("customer.access_changed",))
    hooks.buy()
    replay_up_to_now(hooks)
    hooks.wait(minutes=10)
    assert set(hooks.types()) == {"customer.access_changed"}
    now, kinds = hooks.world.now, ["purchase.completed"]
    span = {"since": now - timedelta(hours=1), "until": now, "now": now}
    resend.replay(hooks.world.ports, "acme", hooks.endpoint.id, types=kinds, **span)
    hooks.wait(minutes=10)
    assert hooks.types()[-1:] == kinds
