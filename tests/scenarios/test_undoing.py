"""Undoing restores every field: of ends, pauses, freezes, holds, suspensions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.api.web import subscription_shapes
from billing.cancel import pausing
from billing.cancel.flows import cancel, pause
from billing.helpdesk.tickets import Ticket
from billing.kernel.catalog import PriceTerms
from billing.kernel.invoices import InvoiceState
from billing.kernel.merchants import SelfService
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Period
from billing.kernel.subscription import Source, State, Subscription
from billing.kernel.values import fields, replace
from billing.kernel.writes import Change
from billing.plans.flows import change_plan, freeze
from billing.plans.plan_change import When as PlanWhen
from billing.rebill.flows import forecast, overdue
from tests.helpdesk.tickets.asking import (
    DELAYED,
    approve,
    ask_support,
    ask_to_cancel,
    buy,
    decline,
    set_up,
)
from tests.scenarios.disputes import OPEN, WON, decide, disputed
from tests.world import MONTHLY, World

SMALL = replace(MONTHLY, price=Money(1999, Currency.USD))
YEARLY = replace(MONTHLY, period=Period.YEARLY, price=Money(19900, Currency.USD))
END = datetime(2026, 2, 28, 15, tzinfo=UTC)
"""Of the period that the first payment of a world pays for."""


@pytest.fixture
def world() -> World:
    world = World(limits=False)
    set_up(world, self_cancel=SelfService.MANUAL)
    return world


def differing(before: Subscription, after: Subscription) -> dict[str, tuple[Any, Any]]:
    """Returns each field that differs, with its value before and after."""
    both = {f.name: (getattr(before, f.name), getattr(after, f.name)) for f in fields(before)}
    return {name: (was, now) for name, (was, now) in both.items() if was != now}


def ask_for(world: World, *terms: PriceTerms) -> str:
    """Bought on the first of these terms, and the second asked for with the next rebill."""
    product = world.product(*terms)
    world.buy(product)
    asked = product.price_points[1]
    change_plan.change(
        world.ports, world.subscription(), asked, PlanWhen.NEXT_REBILL, now=world.now
    )
    return asked


def undo(world: World) -> Subscription:
    world.now += timedelta(minutes=1)  # No two facts of a kind have one instant.
    return cancel.undo(world.ports, world.subscription(), now=world.now)


def paused(world: World) -> Subscription:
    return pause.pause(world.ports, world.subscription(), now=world.now)


def resumed(world: World) -> Subscription:
    world.now += timedelta(minutes=1)
    return pause.resume(world.ports, world.subscription(), now=world.now)


def charged(world: World) -> list[tuple[str, int]]:
    return [(c["at"][:10], c["amount"]["amount"]) for c in world.charges()]


# ---- An end that was asked for, and undone


@pytest.mark.spec("X-5", "A-4")
def test_a_plan_that_was_to_come_comes_after_a_cancellation_was_undone(world: World) -> None:
    asked = ask_for(world, MONTHLY, SMALL)
    before = world.subscription()
    world.cancel()
    undo(world)
    assert differing(before, world.subscription()) == {}
    assert subscription_shapes.subscription(world.subscription())["pending_plan"] == asked
    world.advance(days=30)
    assert charged(world) == [("2026-01-31", 2999), ("2026-02-28", 1999)]


@pytest.mark.spec("X-5", "A-5")
def test_a_freeze_that_was_to_come_comes_after_a_cancellation_was_undone(world: World) -> None:
    ask_for(world, MONTHLY, SMALL)
    freeze.freeze(world.ports, world.merchant, world.subscription(), now=world.now)
    before = world.subscription()
    assert before.freezes_at == END
    world.cancel()
    undo(world)
    assert differing(before, world.subscription()) == {}
    world.advance(days=30)
    assert charged(world)[1:] == [("2026-02-28", 999)]
    assert world.subscription().state is State.FROZEN


@pytest.mark.spec("X-4", "R-10")
def test_neither_plan_nor_freeze_comes_while_an_end_is_pending(world: World) -> None:
    ask_for(world, MONTHLY, SMALL)
    world.cancel()
    for freezes in (False, True):
        pending = world.subscription()
        shown = subscription_shapes.subscription(pending)
        assert (shown["pending_plan"], shown["freezes_at"], shown["thaws_to"]) == (None,) * 3
        assert (pending.plan_to_come, pending.freezes_at, pending.access_until) == (None, None, END)
        assert pending.gives_access(END - timedelta(seconds=1)) and not pending.gives_access(END)
        assert pending.as_of(END).state is State.CANCELLED
        if not freezes:
            undo(world)
            freeze.freeze(world.ports, world.merchant, world.subscription(), now=world.now)
            world.cancel()
    days = forecast.forecast(world.ports, world.merchant, until=END, now=world.now).days
    assert days == ()
    world.advance(days=60)
    ended = world.subscription()
    assert (ended.state, ended.next_plan, ended.thaws_to) == (State.CANCELLED, None, None)
    assert len(charged(world)) == 1


@pytest.mark.spec("X-5", "W-4")
def test_what_a_bank_disputes_sleeps_again_after_an_undo_until_that_is_decided(
    world: World,
) -> None:
    world.buy()
    dispute = disputed(world)
    before = world.subscription()
    assert (before.dispute, before.due_at) == (OPEN, None)
    world.cancel()
    undo(world)
    assert differing(before, world.subscription()) == {}
    world.cancel()
    decide(world, dispute, WON)
    undo(world)
    assert world.subscription().due_at == END, "decided meanwhile, it goes on at the next date"


@pytest.mark.spec("X-5", "X-6", "A-4")
def test_a_change_of_plan_that_was_being_paid_is_given_up_by_a_cancellation(world: World) -> None:
    """Different after an undo, by A-4: the invoice of the change is void, and the plan stays."""
    product = world.product(MONTHLY, replace(MONTHLY, price=Money(4999, Currency.USD)))
    world.buy(product)
    world.advance(days=3)
    before = world.subscription()
    world.sandbox.faults.arm("unavailable", 1)
    gold = product.price_points[1]
    change_plan.change(
        world.ports,
        world.subscription(),
        gold,
        PlanWhen.NOW,
        now=world.now,
    )
    opened = world.subscription().open_invoice
    assert opened is not None
    world.cancel()
    undo(world)
    assert differing(before, world.subscription()) == {"seq": (before.seq, before.seq + 1)}
    assert world.history().invoices[-1].state is InvoiceState.VOID


@pytest.mark.spec("X-5", "H-4")
def test_what_a_ticket_holds_it_holds_after_an_undo(world: World) -> None:
    buy(world)
    found = ask_to_cancel(world)
    before = world.subscription()
    assert before.held_for == found.id
    world.cancel()
    undo(world)
    assert differing(before, world.subscription()) == {}
    world.advance(to=END + timedelta(days=1))
    assert len(charged(world)) == 1, "held still"
    world.advance(days=8)
    assert world.subscription().state is State.CANCELLED, "nobody decided it in seven days"


@pytest.mark.spec("X-5", "H-4")
@pytest.mark.parametrize("decides", [approve, decline])
def test_a_ticket_that_was_decided_meanwhile_holds_nothing_after_an_undo(
    world: World, decides: Callable[[World, Ticket], Ticket]
) -> None:
    buy(world)
    found = ask_to_cancel(world)
    world.cancel()
    decides(world, found)
    undo(world)
    stands = world.subscription()
    assert (stands.state, stands.held_for, stands.held_since) == (State.ACTIVE, None, None)
    world.advance(to=END + timedelta(days=1))
    assert len(charged(world)) == 2


@pytest.mark.spec("X-5", "H-4")
def test_the_ticket_that_asked_for_the_end_holds_nothing_after_an_undo(world: World) -> None:
    buy(world)
    approve(world, ask_to_cancel(world))
    assert world.subscription().state is State.CANCEL_PENDING
    undo(world)
    assert (world.subscription().held_for, world.subscription().due_at) == (None, END)


@pytest.mark.spec("X-5", "X-11", "H-4")
@pytest.mark.parametrize("how", ["paused", "pending"])
def test_a_request_to_cancel_what_is_paused_or_to_end_holds_it_once_that_is_undone(
    world: World, how: str
) -> None:
    order = buy(world)
    world.advance(to=END - timedelta(days=3))
    paused(world) if how == "paused" else world.cancel()
    found = ask_support(world, order)
    resumed(world) if how == "paused" else undo(world)
    assert world.subscription().held_for == found.id
    world.advance(to=END + timedelta(days=1))
    assert len(charged(world)) == 1
    decline(world, found)
    world.advance(hours=1)
    assert len(charged(world)) == 2


# ---- A pause, and going on before another payment fell due


@pytest.mark.spec("X-11", "R-2")
def test_what_waited_for_its_merchant_waits_again_after_a_pause(world: World) -> None:
    world.buy()
    world.now = datetime(2026, 4, 10, 12, tzinfo=UTC)
    world.tick()
    before = world.subscription()
    assert before.waiting_since is not None
    assert paused(world).waiting_since is None, "nobody is asked about what is paused"
    world.now += timedelta(days=10)
    resumed(world)
    assert differing(before, world.subscription()) == {}
    world.advance(days=1)
    assert len(charged(world)) == 1, "nothing is charged that the merchant has not said"
    overdue.charge(world.ports, world.subscription(), now=world.now)
    world.advance(hours=1)
    assert charged(world)[1:] == [("2026-04-21", 2999)]


@pytest.mark.spec("X-11", "R-4", "P-12")
def test_a_pause_of_what_was_due_already_moves_no_date(world: World) -> None:
    world.buy()
    world.change_merchant(stopped=True)
    world.advance(to=END + timedelta(days=2))
    before = world.subscription()
    paused(world)
    resumed(world)
    assert set(differing(before, world.subscription())) <= {"due_at"}, "never in the past"
    world.change_merchant(stopped=False)
    world.advance(hours=2)
    assert charged(world)[1:] == [("2026-03-02", 2999)]
    assert world.subscription().period_at == datetime(2026, 3, 31, 14, tzinfo=UTC)


@pytest.mark.spec("X-11", "R-2")
def test_what_waited_is_charged_at_once_if_another_payment_fell_due_in_the_pause(
    world: World,
) -> None:
    """Different after a resume, by X-11: the next payment is due at once and the new anchor."""
    world.buy()
    world.now = datetime(2026, 4, 10, 12, tzinfo=UTC)
    world.tick()
    paused(world)
    world.now += timedelta(days=21)
    resumed(world)
    stands = world.subscription()
    assert (stands.waiting_since, stands.due_at, stands.period_at) == (None, world.now, world.now)


@pytest.mark.spec("X-11", "W-4")
@pytest.mark.parametrize("won", [False, True])
def test_what_was_disputed_when_it_was_paused_sleeps_until_that_is_decided(
    world: World, won: bool
) -> None:
    world.buy()
    dispute = disputed(world)
    before = world.subscription()
    paused(world)
    if won:
        decide(world, dispute, WON)
    resumed(world)
    changes = {"dispute": (OPEN, WON), "due_at": (None, END)} if won else {}
    assert differing(before, world.subscription()) == changes


@pytest.mark.spec("X-11", "X-5", "A-4", "H-4")
def test_a_pause_and_an_end_inside_it_are_undone_one_after_the_other(world: World) -> None:
    ask_for(world, DELAYED, SMALL)
    found = ask_to_cancel(world)
    before = world.subscription()
    assert (before.next_plan is not None, before.held_for) == (True, found.id)
    during = paused(world)
    world.cancel()
    undo(world)
    assert differing(during, world.subscription()) == {}
    resumed(world)
    assert differing(before, world.subscription()) == {}


# ---- A freeze, and a hold


@pytest.mark.spec("A-5", "A-4")
def test_a_freeze_undone_before_it_began_brings_back_whatever_plan_was_to_come(
    world: World,
) -> None:
    ask_for(world, MONTHLY, SMALL)
    found = world.subscription()
    assert found.next_plan is not None
    newer = replace(found.next_plan, price_point=found.price_point, version=7)
    before = replace(found, next_plan=newer)
    world.store.commit(Change(found, before))
    freeze.freeze(world.ports, world.merchant, world.subscription(), now=world.now)
    world.now += timedelta(minutes=1)
    freeze.unfreeze(world.ports, world.subscription(), now=world.now)
    assert differing(before, world.subscription()) == {}


@pytest.mark.spec("H-4")
def test_a_hold_that_ends_before_anything_fell_due_leaves_nothing(world: World) -> None:
    ask_for(world, DELAYED, SMALL)
    before = world.subscription()
    decline(world, ask_to_cancel(world))
    assert differing(before, world.subscription()) == {}


# ---- What was stored before


@pytest.mark.spec("X-5", "X-11")
def test_what_was_pending_or_paused_before_this_is_undone_as_it_was_then(world: World) -> None:
    world.buy()
    running = world.subscription()
    world.cancel()
    pending = replace(world.subscription(), next_plan=None, thaws_to=None, held_for=None)
    assert differing(running, pending.cancel_undone()) == {}
    old = replace(
        running, state=State.PAUSED, paused_from=State.ACTIVE, paused_by=Source.SYSTEM, due_at=None
    )
    assert differing(running, pausing.resume(old, END - timedelta(days=1))) == {}
    resumed_at = END + timedelta(days=1)
    late = pausing.resume(old, resumed_at)
    assert (late.state, late.due_at, late.period_at) == (State.ACTIVE, resumed_at, resumed_at)
