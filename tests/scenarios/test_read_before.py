"""A request is decided by the subscription as its caller read it, and anew where that has changed.

What is loaded is passed on (ARCHITECTURE.md, 2): so what a second read protected is a condition of
the write, and `read` here is what another process changes before the request is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from billing.cancel import pausing
from billing.cancel.flows import cancel, pause
from billing.kernel.errors import Conflict, Refused
from billing.kernel.money import Currency, Money
from billing.kernel.orders import OrderKind
from billing.kernel.outbox_events import EventKind
from billing.kernel.subscription import State, Subscription, When
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.plans.flows import change_plan, freeze
from billing.plans.plan_change import When as PlanWhen
from billing.rebill.flows import overdue
from tests.world import MONTHLY, World

GOLD = replace(MONTHLY, price=Money(4900, Currency.USD))


@pytest.fixture
def world() -> World:
    return World()


def written(world: World, **fields: Any) -> None:
    """Another process writes fields of the subscription."""
    found = world.subscription()
    world.store.commit(Change(found, replace(found, **fields)))


def events(world: World) -> Counter[EventKind]:
    """Counts the outbox events that wait for delivery, by kind."""
    shards = range(world.ports.operation.shards)
    later = world.now + timedelta(days=1)
    return Counter(e.kind for n in shards for e in world.store.undelivered(n, later, 100))


def later(world: World) -> None:
    """No two events of a kind have one instant."""
    world.now += timedelta(seconds=1)


@pytest.mark.spec("X-11", "B-10")
def test_a_pause_keeps_the_card_that_was_given_after_it_was_read(world: World) -> None:
    world.buy()
    read = world.subscription()
    written(world, payment_method="card_given_since")
    paused = pause.pause(world.ports, read, now=world.now)
    assert paused.interrupted is not None
    assert paused.interrupted.payment_method == "card_given_since"
    assert world.subscription() == paused


@pytest.mark.spec("X-11", "B-10")
def test_what_is_past_due_is_tried_at_once_with_a_card_given_after_it_was_read_to_go_on(
    world: World,
) -> None:
    world.buy()
    written(world, state=State.PAST_DUE, retry_at=world.now, due_at=world.now)
    held = world.subscription()
    world.store.commit(Change(held, pausing.pause(held, world.now)))
    read = world.subscription()
    written(world, payment_method="card_given_since")
    resumed = pause.resume(world.ports, read, now=world.now)
    assert resumed.pay_now is not None


@pytest.mark.spec("X-11", "A-5")
def test_what_was_asked_to_freeze_after_it_was_read_is_not_paused(world: World) -> None:
    world.buy()
    read = world.subscription()
    freeze.freeze(world.ports, world.merchant, read, now=world.now)
    with pytest.raises(Refused) as refused:
        pause.pause(world.ports, read, now=world.now)
    assert refused.value.code == "freezing"
    assert world.subscription().state is State.ACTIVE


@pytest.mark.spec("A-5", "A-4")
def test_a_freeze_returns_to_the_plan_that_was_asked_for_after_it_was_read(world: World) -> None:
    product = world.product(MONTHLY, GOLD)
    world.buy(product)
    read, gold = world.subscription(), product.price_points[1]
    change_plan.change(world.ports, read, gold, PlanWhen.NEXT_REBILL, now=world.now)
    freeze.freeze(world.ports, world.merchant, read, now=world.now)
    back_to = world.subscription().thaws_to
    assert back_to is not None
    assert back_to.price_point == gold


Again = Callable[[World, Subscription], object]


def paused(world: World, read: Subscription) -> Subscription:
    return pause.pause(world.ports, read, now=world.now)


def resumed(world: World, read: Subscription) -> Subscription:
    return pause.resume(world.ports, read, now=world.now)


def undone(world: World, read: Subscription) -> Subscription:
    return cancel.undo(world.ports, read, now=world.now, history=world.history())


def frozen(world: World, read: Subscription) -> Subscription:
    return freeze.freeze(world.ports, world.merchant, read, now=world.now)


def unfrozen(world: World, read: Subscription) -> Subscription:
    return freeze.unfreeze(world.ports, read, now=world.now).subscription


def asked_to_cancel(world: World) -> None:
    world.cancel(When.PERIOD_END)


def asked_to_pause(world: World) -> None:
    paused(world, world.subscription())


def asked_to_freeze(world: World) -> None:
    frozen(world, world.subscription())


def nothing(world: World) -> None: ...


@pytest.mark.spec("X-5", "X-11", "A-5", "R-1")
@pytest.mark.parametrize(
    ("prepare", "act", "kind"),
    [
        (nothing, paused, EventKind.PAUSED),
        (asked_to_pause, resumed, EventKind.RESUMED),
        (asked_to_cancel, undone, EventKind.CANCEL_UNDONE),
        (nothing, frozen, EventKind.FREEZE_ASKED),
        (asked_to_freeze, unfrozen, EventKind.FREEZE_UNDONE),
    ],
)
def test_what_two_ask_for_by_the_same_reading_is_done_and_announced_once(
    world: World, prepare: Callable[[World], None], act: Again, kind: EventKind
) -> None:
    world.buy()
    prepare(world)
    read = world.subscription()
    act(world, read)
    once = world.subscription()
    later(world)
    act(world, read)
    assert world.subscription() == once
    assert events(world)[kind] == 1


@pytest.mark.spec("X-5")
def test_an_undo_takes_back_no_other_cancellation_than_the_one_that_was_read(world: World) -> None:
    world.buy()
    asked_to_cancel(world)
    read = world.subscription()
    undone(world, read)
    later(world)
    asked_to_cancel(world)
    with pytest.raises(Conflict):
        undone(world, read)
    held = world.subscription()
    assert held.state is State.CANCEL_PENDING
    assert held.cancelling != read.cancelling


@pytest.mark.spec("X-5", "R-2")
def test_an_undo_leaves_a_payment_waiting_that_waits_since_it_was_read(world: World) -> None:
    world.buy()
    asked_to_cancel(world)
    read, history = world.subscription(), world.history()
    written(world, waiting_since=world.now)
    cancel.undo(world.ports, read, now=world.now, history=history)
    held = world.subscription()
    assert (held.state, held.due_at) == (State.ACTIVE, None)
    (request,) = (order for order in world.orders() if order.kind is OrderKind.CANCEL_REQUEST)
    assert request.withdrawn


@pytest.mark.spec("R-2")
def test_one_payment_is_left_out_for_one_reading_of_it(world: World) -> None:
    world.buy()
    written(world, waiting_since=world.now)
    read = world.subscription()
    overdue.skip(world.ports, read, now=world.now)
    with pytest.raises(Conflict):
        overdue.skip(world.ports, read, now=world.now)
    assert world.subscription().period == read.period + 1
