"""Events that are sent again up to now, by clocks that differ by seconds (M-5)."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from billing.webhooks.flows import endpoints, resend
from tests.webhooks.hooks import Hooks

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
