"""A site learns when a customer's access begins and ends, also where only time has passed (M-5)."""

from __future__ import annotations

import json
from contextvars import Context
from datetime import timedelta
from typing import Any

import pytest

from billing.cancel.flows import cancel, pause
from billing.kernel.subscription import Source, When
from billing.kernel.values import replace
from tests.plans.test_failures import _other_card
from tests.webhooks.hooks import URL, Hooks

pytestmark = pytest.mark.spec("M-5", "R-5")

KIND = "customer.access_changed"


@pytest.fixture
def hooks() -> Hooks:
    return Hooks(events=(KIND,))


def grants(hooks: Hooks) -> list[Any]:
    """Returns the grants of each event so far: whether it is active, and until when."""
    sent = [json.loads(post.body) for post in hooks.posts(URL)]
    assert {event["type"] for event in sent} <= {KIND}
    return [
        (each["active"], each["until"])
        for event in sent
        for each in event["data"]["object"]["grants"]
    ]


def test_access_that_begins_and_is_cancelled_is_said(hooks: Hooks) -> None:
    hooks.buy()
    assert grants(hooks) == [(True, None)]
    hooks.world.cancel(When.PERIOD_END)
    hooks.world.work()
    assert grants(hooks)[-1] == (True, "2026-02-28T15:00:00Z")
    hooks.wait(days=40)
    assert grants(hooks)[-1] == (False, None)


def test_the_end_of_a_pause_is_said_when_it_comes_and_once(hooks: Hooks) -> None:
    hooks.buy()
    pause.pause(hooks.world.ports, hooks.world.subscription(), now=hooks.world.now)
    hooks.world.work()
    assert grants(hooks)[-1] == (True, "2026-02-28T15:00:00Z")
    count = len(grants(hooks))
    hooks.wait(days=27)
    assert len(grants(hooks)) == count
    hooks.wait(days=2)
    assert grants(hooks)[count:] == [(False, None)]
    hooks.wait(days=90)
    assert len(grants(hooks)) == count + 1


def test_the_end_of_a_grace_is_said_when_it_comes(hooks: Hooks) -> None:
    settings = replace(hooks.merchant.settings, grace_days=2)
    hooks.world.change_merchant(settings=settings)
    hooks.buy()
    hooks.world.store.commit(*_other_card(hooks.world, "pm_card_chargeCustomerFail"))
    hooks.wait(days=29)
    said = grants(hooks)
    assert (True, "2026-03-02T15:00:00Z") in said
    hooks.wait(days=1, hours=12)
    assert grants(hooks)[-1] == (False, None)


def test_a_merchant_whose_events_nobody_reads_has_no_write_for_it() -> None:
    from tests.world import World

    world = World()
    world.buy()
    world.work()
    pause.pause(world.ports, world.subscription(), now=world.now)
    world.work()
    reminder = world.store.reminder("acme", world.subscription().customer, world.subscription().id)
    world.advance(days=60)
    after = world.store.reminder("acme", world.subscription().customer, world.subscription().id)
    assert reminder is not None and after is not None
    assert after.access_told is None


def test_of_two_events_beside_each_other_the_later_one_shows_the_later_access(
    hooks: Hooks,
) -> None:
    """They are of two purchases, which nothing keeps in order; a receiver goes by `sequence`."""
    world = hooks.world
    for product in ("course", "club"):
        world.buy(world.product(name=product, grants=(product,)))
    world.work()
    by_name = {each.product_name: each for each in world.history().subscriptions}
    course, club = by_name["course"], by_name["club"]
    pause.pause(world.ports, course, now=world.now)
    store: Any = world.store
    endpoints_of = store.webhook_endpoints

    def interrupted(merchant: str) -> Any:
        """The club is over, and that is told, between the snapshot of the pause and its event."""
        store.webhook_endpoints = endpoints_of
        world.now += timedelta(seconds=1)
        elsewhere = Context()  # another process: its calls are none of this function's
        when, source = When.NOW, Source.CUSTOMER
        elsewhere.run(cancel.request, world.ports, club, when=when, source=source, now=world.now)
        elsewhere.run(world.work)
        world.now += timedelta(seconds=1)
        return endpoints_of(merchant)

    store.webhook_endpoints = interrupted
    world.work()
    sent = sorted(
        (json.loads(post.body) for post in hooks.posts(URL)), key=lambda event: event["sequence"]
    )
    last = {each["grant"]: each["active"] for each in sent[-1]["data"]["object"]["grants"]}
    assert last["club"] is False
