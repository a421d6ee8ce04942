"""An account that ends and comes back: what its customers bought is as it was (A-3, X-11)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from billing.cancel.flows import cancel
from billing.kernel.invoices import InvoiceState
from billing.kernel.money import Currency, Money
from billing.kernel.retries import RetrySchedule
from billing.kernel.subscription import Source, State, Subscription, When
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.plans.flows import change_plan, freeze
from billing.plans.plan_change import When as PlanWhen
from tests.accounts.platform import DAY, PLAN, SELLER, Platform, leave, opened
from tests.accounts.test_lives import goes_bad, past_due
from tests.scenarios.test_undoing import differing

DECLINED_AT = datetime(2026, 2, 21, 15, tzinfo=UTC)
"""The fan's weekly payment, by `past_due`; the next one is a week later."""

pytestmark = pytest.mark.spec("A-3")


def suspended(world: Platform) -> Subscription:
    """Ends the account now; returns its fan's subscription afterwards."""
    world.now += timedelta(minutes=1)
    leave(world, When.NOW)
    return world.fan()


def back(world: Platform) -> Subscription:
    """Buys the account's plan again, as its owner."""
    world.now += timedelta(minutes=1)
    world.buy(world.plan, email=SELLER, confirm_repeat=True)
    world.tick()
    world.now += timedelta(minutes=1)
    world.tick()
    return world.fan()


def asks_for_less(world: Platform) -> None:
    """The fan is to be on a smaller plan from the next rebill on."""
    less = replace(PLAN, price=Money(999, Currency.USD))
    point = world.sells(terms=less).default_price_point
    when = PlanWhen.NEXT_REBILL
    change_plan.change(world.ports, world.fan(), point, when, now=world.now)


def ends(world: Platform) -> None:
    world.now += timedelta(minutes=1)
    when, fan = When.PERIOD_END, Source.CUSTOMER
    cancel.request(world.ports, world.fan(), when=when, source=fan, now=world.now)


def undoes(world: Platform) -> Subscription:
    world.now += timedelta(minutes=1)
    return cancel.undo(world.ports, world.fan(), now=world.now)


@pytest.mark.spec("X-11", "A-4", "A-5")
@pytest.mark.parametrize("freezes", [False, True])
def test_what_was_to_come_comes_after_the_return(world: Platform, freezes: bool) -> None:
    opened(world)
    asks_for_less(world)
    if freezes:
        freeze.freeze(world.ports, world.seller("annsart"), world.fan(), now=world.now)
    before = world.fan()
    assert suspended(world).state is State.PAUSED
    assert differing(before, back(world)) == {}


@pytest.mark.spec("R-4", "X-11")
def test_what_is_past_due_comes_back_at_its_place_in_the_retry_cycle(world: Platform) -> None:
    past_due(world)
    world.advance(to=DECLINED_AT + 3 * DAY + timedelta(hours=1))
    before, attempts = world.fan(), world.charges_of()
    assert (before.state, before.retry_at) == (State.PAST_DUE, DECLINED_AT + 6 * DAY)
    held = suspended(world)
    assert (held.state, held.retry_at, held.due_at) == (State.PAUSED, None, None)
    world.advance(days=1)
    assert differing(before, back(world)) == {}
    assert world.charges_of() == attempts, "nothing is tried before its day"
    world.advance(to=DECLINED_AT + 6 * DAY + timedelta(hours=1))
    (invoice,) = (
        i
        for i in world.store.history("annsart", before.customer).invoices
        if i.id == before.open_invoice
    )
    assert (invoice.attempt, invoice.state) == (3, InvoiceState.RETRY), "the third of four"


@pytest.mark.spec("R-4", "X-11")
def test_a_retry_that_was_to_come_meanwhile_is_made_on_return(world: Platform) -> None:
    past_due(world)
    world.advance(to=DECLINED_AT + DAY)
    before = world.fan()
    suspended(world)
    world.advance(to=DECLINED_AT + 4 * DAY)
    goes_bad(world, "pm_card_visa")
    after = back(world)
    assert (after.state, after.anchor, after.period) == (
        State.ACTIVE,
        before.anchor,
        before.period + 1,
    )
    assert after.period_at == DECLINED_AT + 7 * DAY


@pytest.mark.spec("R-4", "B-10")
def test_another_card_that_was_given_meanwhile_is_tried_on_return(world: Platform) -> None:
    past_due(world)
    world.advance(to=DECLINED_AT + DAY)
    suspended(world)
    goes_bad(world, "pm_card_visa")
    assert back(world).state is State.ACTIVE


@pytest.mark.spec("R-4")
def test_after_a_hard_decline_a_new_card_has_as_long_as_ever(world: Platform) -> None:
    opened(world)
    seller = world.seller()
    settings = replace(seller.settings, retry_schedule=RetrySchedule(attempts=2, every_days=3))
    world.store.commit(Change(seller, replace(seller, settings=settings)))
    end = world.fan().period_at
    assert end is not None
    goes_bad(world, "pm_card_chargeDeclinedExpiredCard")
    world.advance(to=end + DAY)
    before = world.fan()
    assert (before.state, before.retry_at, before.due_at) == (
        State.PAST_DUE,
        None,
        end + 3 * DAY,
    ), "its end is two days away"
    suspended(world)
    world.advance(days=10)
    after = back(world)
    assert (after.state, after.open_invoice) == (State.PAST_DUE, before.open_invoice)
    assert after.due_at is not None and after.due_at - world.now > DAY


@pytest.mark.spec("X-11", "R-4")
def test_what_was_past_due_is_asked_for_anew_if_another_payment_fell_due_meanwhile(
    world: Platform,
) -> None:
    """Different after the return, by X-11: the next payment is due at once and the new anchor."""
    past_due(world)
    world.advance(to=DECLINED_AT + DAY)
    before = world.fan()
    suspended(world)
    world.advance(to=DECLINED_AT + 8 * DAY)
    goes_bad(world, "pm_card_visa")
    after = back(world)
    assert (after.state, after.period) == (State.ACTIVE, before.period + 1)
    assert after.period_at is not None and after.period_at > world.now + 6 * DAY
    invoices = world.store.history("annsart", before.customer).invoices
    states = {i.id: i.state for i in invoices}
    assert before.open_invoice is not None
    assert states[before.open_invoice] is InvoiceState.VOID
    assert list(states.values())[-1] is InvoiceState.PAID


@pytest.mark.spec("A-5", "R-4")
@pytest.mark.parametrize("days", [1, 40])
def test_a_freeze_that_is_past_due_is_still_one_after_the_return(
    world: Platform, days: int
) -> None:
    opened(world)
    freeze.freeze(world.ports, world.seller("annsart"), world.fan(), now=world.now)
    end = world.fan().freezes_at
    assert end is not None
    goes_bad(world, "pm_card_chargeDeclined")
    world.advance(to=end + timedelta(hours=1))
    before = world.fan()
    assert (before.state, before.is_frozen) == (State.PAST_DUE, True)
    suspended(world)
    world.advance(days=days)
    if days == 1:
        assert differing(before, back(world)) == {}
        return
    goes_bad(world, "pm_card_visa")
    assert back(world).state is State.FROZEN, "by X-11 it is charged at once"


@pytest.mark.spec("X-5")
@pytest.mark.parametrize("first", ["end", "suspension"])
@pytest.mark.parametrize("undone", ["before the return", "after it"])
def test_an_end_and_a_suspension_are_undone_in_whatever_order(
    world: Platform, first: str, undone: str
) -> None:
    opened(world)
    asks_for_less(world)
    before = world.fan()
    (ends if first == "end" else suspended)(world)
    (suspended if first == "end" else ends)(world)
    assert world.fan().state is State.CANCEL_PENDING
    if undone == "before the return":
        paused = undoes(world)
        assert (paused.state, paused.paused_by) == (State.PAUSED, Source.SYSTEM)
        back(world)
    else:
        assert back(world).state is State.CANCEL_PENDING
        undoes(world)
    assert differing(before, world.fan()) == {}
