"""Customers who freeze instead of cancelling, and thaw (A-5)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from billing.cancel.flows import cancel, pause
from billing.kernel import customers
from billing.kernel.catalog import Initial, PriceTerms, PriceType
from billing.kernel.errors import Refused
from billing.kernel.merchants import Settings
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Period, Span, Unit
from billing.kernel.subscription import State
from billing.kernel.subscription import When as CancelWhen
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert
from billing.plans import freezing
from billing.plans.flows import change_plan, freeze
from billing.plans.flows.change_plan import Changed, Result
from billing.plans.plan_change import When
from billing.rebill.flows import forecast, overdue
from tests.world import MONTHLY, World

YEARLY = PriceTerms(PriceType.RECURRING, Money(19900, Currency.USD), Period.YEARLY)
GOLD = replace(MONTHLY, price=Money(4999, Currency.USD))
TRIAL = replace(MONTHLY, initial=Initial(100, Span(14, Unit.DAY)))
FIRST_END = datetime(2026, 2, 28, 15, tzinfo=UTC)


@pytest.fixture
def world() -> World:
    return World()


def ask(world: World) -> None:
    world.now += timedelta(microseconds=1)  # No two facts of a kind have one instant.
    freeze.freeze(world.ports, world.merchant, world.subscription(), now=world.now)


def thaw(world: World, token: str | None = None) -> Changed:
    world.now += timedelta(microseconds=1)
    return freeze.unfreeze(world.ports, world.subscription(), token=token, now=world.now)


def frozen(world: World, *terms: PriceTerms) -> None:
    """Bought, frozen at once, and the clock a moment after the freeze has begun."""
    world.buy(world.product(*terms))
    ask(world)
    freezes_at = world.subscription().freezes_at
    assert freezes_at is not None
    world.advance(to=freezes_at + timedelta(minutes=5))


def charged(world: World) -> list[tuple[str, int]]:
    return [
        (charge["at"][:10], charge["amount"]["amount"])
        for charge in world.charges()
        if charge["status"] == "succeeded"
    ]


def has_access(world: World) -> bool:
    history = world.history()
    (grant,) = customers.access(history.entitlements, history.subscriptions, world.now)
    return grant.active


def refused(world: World, verb: str) -> str:
    before = world.history()
    with pytest.raises(Refused) as refusal:
        (ask if verb == "freeze" else thaw)(world)
    assert world.history() == before
    return refusal.value.code


@pytest.mark.spec("A-5", "R-3")
def test_it_freezes_with_the_next_period_costs_its_own_price_and_thaws(world: World) -> None:
    world.buy()
    ask(world)
    asked = world.subscription()
    assert (asked.state, asked.freezes_at) == (State.ACTIVE, FIRST_END)
    assert has_access(world), "what is paid for stays"
    world.advance(to=datetime(2026, 4, 14, 14, tzinfo=UTC))
    held = world.subscription()
    assert (held.state, held.next_charge_at) == (
        State.FROZEN,
        datetime(2026, 4, 30, 14, tzinfo=UTC),
    )
    assert not has_access(world)
    assert charged(world) == [("2026-01-31", 2999), ("2026-02-28", 999), ("2026-03-31", 999)]
    assert held.payments_made == 1, "a freeze is no standard payment"
    quoted = freeze.quote(world.ports, world.subscription(), now=world.now)
    assert thaw(world, quoted.token).result is Result.CHANGED
    again = world.subscription()
    assert (again.state, again.thaws_to, again.terms) == (State.ACTIVE, None, MONTHLY)
    assert again.next_charge_at == held.next_charge_at, "the same length of period keeps its anchor"
    assert has_access(world)
    # 16 of 30 days are left: of 29.99 they are 15.99, of 9.99 they are 5.33.
    assert charged(world)[3:] == [("2026-04-14", quoted.due_now.amount_minor)]
    assert quoted.due_now.amount_minor == 1599 - 533
    world.advance(to=datetime(2026, 5, 1, 15, tzinfo=UTC))
    assert charged(world)[4:] == [("2026-04-30", 2999)]


@pytest.mark.spec("A-5")
def test_what_is_undone_before_it_began_changes_nothing(world: World) -> None:
    world.buy()
    before = world.subscription()
    ask(world)
    ask(world)
    world.work()
    assert thaw(world).result is Result.CHANGED
    assert world.subscription() == before
    assert thaw(world).result is Result.CHANGED, "asked again, it is left alone"
    world.advance(days=30)
    assert charged(world) == [("2026-01-31", 2999), ("2026-02-28", 2999)]
    told = [s for s in world.subjects() if "frozen" in s or "will continue" in s]
    assert len(told) == 2, "each once, however often it was asked"


@pytest.mark.spec("A-5", "C-3")
def test_access_ends_with_the_period_whether_or_not_a_sweep_has_come(world: World) -> None:
    world.buy()
    ask(world)
    held = world.subscription()
    before = FIRST_END - timedelta(microseconds=1)
    assert (held.gives_access(before), held.gives_access(FIRST_END)) == (True, False)
    assert (held.as_of(before).state, held.as_of(FIRST_END).state) == (State.ACTIVE, State.FROZEN)
    assert held.access_until == FIRST_END


@pytest.mark.spec("A-5", "A-4")
def test_a_yearly_plan_thaws_into_a_year_that_begins_now(world: World) -> None:
    frozen(world, YEARLY)
    assert charged(world) == [("2026-01-31", 19900), ("2027-01-31", 999)]
    world.advance(to=datetime(2027, 2, 14, 15, tzinfo=UTC))
    thaw(world)
    assert world.subscription().terms == YEARLY
    assert world.subscription().next_charge_at == datetime(2028, 2, 14, 15, tzinfo=UTC)
    assert charged(world)[2:] == [("2027-02-14", 19900 - 500)], "half a month of it is unused"


@pytest.mark.spec("A-5", "P-10")
def test_a_trial_freezes_at_its_end_and_thaws_to_the_standard_price(world: World) -> None:
    frozen(world, TRIAL)
    assert charged(world) == [("2026-01-31", 100), ("2026-02-14", 999)]
    thaw(world)
    assert world.subscription().terms == MONTHLY
    world.advance(days=30)
    assert charged(world)[-1] == ("2026-03-14", 2999)


@pytest.mark.spec("A-5", "A-4")
def test_the_plan_that_was_to_come_comes_with_the_thaw_or_if_it_never_freezes(
    world: World,
) -> None:
    product = world.product(MONTHLY, GOLD)
    world.buy(product)
    gold = product.price_points[1]
    later = When.NEXT_REBILL
    change_plan.change(world.ports, world.subscription(), gold, later, now=world.now)
    ask(world)
    with pytest.raises(Refused) as refusal:
        change_plan.change(world.ports, world.subscription(), gold, When.NOW, now=world.now)
    assert refusal.value.code == "freezing"
    thaw(world)
    plan = world.subscription().next_plan
    assert plan is not None and plan.price_point == gold
    ask(world)
    world.advance(days=40)
    thaw(world)
    assert world.subscription().price_point == gold
    assert world.subscription().terms == GOLD


@pytest.mark.spec("A-5", "R-4")
def test_a_freeze_that_cannot_be_paid_is_past_due_and_frozen_again_when_it_is(
    world: World,
) -> None:
    world.buy(payment_method="pm_card_visa")
    ask(world)
    card = world.history().methods[0]
    held = world.subscription()
    broken = replace(card, id="pm_card_chargeCustomerFail:saved", fingerprint="other")
    world.store.commit(Insert(broken), Change(held, replace(held, payment_method=broken.id)))
    world.advance(to=FIRST_END + timedelta(hours=1))
    past_due = world.subscription()
    assert (past_due.state, past_due.is_frozen) == (State.PAST_DUE, True)
    assert not has_access(world)
    assert refused(world, "unfreeze") == "invoice_open"
    world.store.commit(Change(past_due, replace(past_due, payment_method=card.id)))
    world.advance(days=4)
    assert world.subscription().state is State.FROZEN
    assert charged(world)[1:] == [("2026-03-03", 999)]


@pytest.mark.spec("A-5", "X-6")
def test_what_is_frozen_can_be_cancelled_and_that_undone(world: World) -> None:
    frozen(world)
    world.cancel(CancelWhen.PERIOD_END)
    pending = world.subscription()
    assert pending.state is State.CANCEL_PENDING and not has_access(world)
    assert refused(world, "unfreeze") == "cancelling"
    assert refused(world, "freeze") == "cancelling"
    undone = cancel.undo(world.ports, world.subscription(), now=world.now)
    assert (undone.state, undone.is_frozen) == (State.FROZEN, True)
    world.cancel(CancelWhen.NOW)
    assert world.subscription().state is State.CANCELLED
    world.advance(days=70)
    assert len(charged(world)) == 2


@pytest.mark.spec("A-5", "R-10")
def test_the_forecast_says_what_a_freeze_charges(world: World) -> None:
    world.buy()
    ask(world)
    until = datetime(2026, 4, 1, 15, tzinfo=UTC)
    found = forecast.forecast(world.ports, world.merchant, until=until, now=world.now)
    assert [(day.date, day.amount.amount_minor) for day in found.days] == [
        (date(2026, 2, 28), 999),
        (date(2026, 3, 31), 999),
    ]


@pytest.mark.spec("A-5")
def test_what_cannot_be_frozen_says_why(world: World) -> None:
    four = PriceTerms(PriceType.INSTALLMENT, Money(900, Currency.USD), Period.MONTHLY, 4)
    world.buy(world.product(four))
    assert refused(world, "freeze") == "not_freezable"
    pause.pause(world.ports, world.subscription(), now=world.now)
    assert refused(world, "freeze") == "not_active"
    assert refused(world, "unfreeze") == "not_frozen"
    world.change_merchant(settings=Settings(freeze_price_minor=None))
    assert refused(world, "freeze") == "freeze_off"


@pytest.mark.spec("A-5")
def test_a_due_payment_comes_before_a_freeze(world: World) -> None:
    world.buy()
    world.now = FIRST_END + timedelta(seconds=1)
    assert refused(world, "freeze") == "invoice_open"
    world.advance(minutes=5)
    with pytest.raises(Refused) as refusal:
        freezing.refuse_freeze(world.subscription(), Settings(), 1000, world.now)
    assert refusal.value.code == "freeze_price_too_low", "of that gateway"


@pytest.mark.spec("A-5", "X-11")
def test_a_freeze_and_a_pause_do_not_meet(world: World) -> None:
    world.buy()
    ask(world)
    with pytest.raises(Refused) as refusal:
        pause.pause(world.ports, world.subscription(), now=world.now)
    assert refusal.value.code == "freezing"


@pytest.mark.spec("A-5", "R-2")
def test_a_freeze_payment_missed_for_too_long_can_be_left_out(world: World) -> None:
    world.buy()
    ask(world)
    world.now = FIRST_END + timedelta(days=9)
    world.tick()
    assert world.subscription().waiting_since is not None
    overdue.skip(world.ports, world.subscription(), now=world.now)
    held = world.subscription()
    assert (held.state, held.is_frozen) == (State.FROZEN, True)
    world.advance(to=datetime(2026, 4, 1, 15, tzinfo=UTC))
    assert charged(world) == [("2026-01-31", 2999), ("2026-03-31", 999)]


@pytest.mark.spec("A-5", "R-2", "R-9")
def test_a_freeze_of_another_period_goes_on_by_its_own_after_one_that_was_left_out(
    world: World,
) -> None:
    world.buy(world.product(YEARLY))
    ask(world)
    world.now = datetime(2027, 2, 9, 15, tzinfo=UTC)
    world.tick()
    overdue.skip(world.ports, world.subscription(), now=world.now)
    world.advance(to=datetime(2027, 4, 1, 15, tzinfo=UTC))
    assert charged(world) == [("2026-01-31", 19900), ("2027-02-28", 999), ("2027-03-31", 999)]
