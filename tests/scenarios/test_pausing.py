"""Customers who take a break, and payments that were missed for too long."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from billing.cancel.flows import cancel, pause
from billing.kernel.catalog import Cycle, PriceTerms, PriceType
from billing.kernel.errors import Refused
from billing.kernel.invoices import InvoiceState
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Period
from billing.kernel.subscription import State
from billing.rebill.flows import overdue
from tests.rebill.opened import unconfirmed
from tests.world import World


@pytest.fixture
def world() -> World:
    return World()


def charged_on(world: World) -> list[str]:
    return [charge["at"][:10] for charge in world.charges()]


@pytest.mark.spec("X-11")
def test_a_pause_that_ends_inside_the_paid_period_leaves_the_schedule(world: World) -> None:
    world.buy()
    paused = pause.pause(world.ports, world.subscription(), now=world.now)
    assert (paused.state, paused.next_charge_at) == (State.PAUSED, None)
    world.advance(days=10)
    pause.resume(world.ports, world.subscription(), now=world.now)
    world.advance(days=40)
    assert charged_on(world) == ["2026-01-31", "2026-02-28"]


@pytest.mark.spec("X-11")
def test_a_longer_pause_ends_access_with_the_paid_period_and_resumes_with_a_payment(
    world: World,
) -> None:
    world.buy()
    pause.pause(world.ports, world.subscription(), now=world.now)
    world.advance(days=27)
    assert world.subscription().gives_access(world.now)
    world.advance(days=13)
    assert not world.subscription().gives_access(world.now)
    assert charged_on(world) == ["2026-01-31"]
    pause.resume(world.ports, world.subscription(), now=world.now)
    world.advance(days=62)
    assert charged_on(world) == ["2026-01-31", "2026-03-12", "2026-04-12", "2026-05-12"]


@pytest.mark.spec("X-11")
def test_an_installment_plan_still_owes_what_it_owed(world: World) -> None:
    price = Money(9900, Currency.USD)
    world.buy(world.product(PriceTerms(PriceType.INSTALLMENT, price, Period.MONTHLY, 3)))
    world.advance(days=30)
    pause.pause(world.ports, world.subscription(), now=world.now)
    world.advance(days=100)
    pause.resume(world.ports, world.subscription(), now=world.now)
    world.advance(days=100)
    assert len(world.charges()) == 3
    assert world.subscription().state is State.COMPLETED


@pytest.mark.spec("X-11")
def test_a_set_of_recurring_installments_stays_whole_over_a_pause() -> None:
    world = World(datetime(2026, 1, 1, 15, tzinfo=UTC))
    price = Money(9900, Currency.USD)
    yearly = PriceTerms(PriceType.RECURRING_INSTALLMENT, price, Period.MONTHLY, 3, Cycle.YEARLY)
    world.buy(world.product(yearly))
    pause.pause(world.ports, world.subscription(), now=world.now)
    world.advance(to=datetime(2026, 4, 10, 15, tzinfo=UTC))
    pause.resume(world.ports, world.subscription(), now=world.now)
    world.advance(to=datetime(2027, 3, 20, tzinfo=UTC))
    assert charged_on(world) == ["2026-01-01", "2026-04-10", "2026-05-10", "2027-03-10"]


@pytest.mark.spec("X-11", "X-5")
def test_an_undone_cancellation_of_what_is_paused_leaves_it_paused(world: World) -> None:
    world.buy()
    pause.pause(world.ports, world.subscription(), now=world.now)
    world.cancel()
    undone = cancel.undo(world.ports, world.subscription(), now=world.now)
    assert undone.state is State.PAUSED
    world.advance(days=60)
    assert len(world.charges()) == 1


@pytest.mark.spec("X-11")
def test_nothing_is_paused_while_an_invoice_is_open(world: World) -> None:
    world.buy()
    world.now = world.subscription().due_at or world.now
    with unconfirmed(world):
        world.tick()
    assert world.history().invoices[-1].state is InvoiceState.CONFIRMING
    with pytest.raises(Refused) as refused:
        pause.pause(world.ports, world.subscription(), now=world.now)
    assert refused.value.code == "invoice_open"


@pytest.mark.spec("R-2")
def test_what_waits_is_charged_when_the_merchant_says_so_one_after_the_other(
    world: World,
) -> None:
    world.buy()
    world.now = datetime(2026, 4, 10, 12, tzinfo=UTC)
    world.tick()
    assert world.subscription().waiting_since is not None
    overdue.charge(world.ports, world.subscription(), now=world.now)
    world.advance(days=2)
    assert charged_on(world) == ["2026-01-31", "2026-04-10"]
    assert world.subscription().waiting_since is not None, "March is too late too"


@pytest.mark.spec("R-2")
def test_what_waits_is_skipped_when_the_merchant_says_so(world: World) -> None:
    world.buy()
    world.now = datetime(2026, 3, 15, 12, tzinfo=UTC)
    world.tick()
    overdue.skip(world.ports, world.subscription(), now=world.now)
    world.advance(days=30)
    assert charged_on(world) == ["2026-01-31", "2026-03-31"]
    with pytest.raises(Refused):
        overdue.skip(world.ports, world.subscription(), now=world.now)


@pytest.mark.spec("R-2")
def test_an_installment_is_never_skipped(world: World) -> None:
    price = Money(9900, Currency.USD)
    world.buy(world.product(PriceTerms(PriceType.INSTALLMENT, price, Period.MONTHLY, 3)))
    world.now = datetime(2026, 3, 15, 12, tzinfo=UTC)
    world.tick()
    with pytest.raises(Refused) as refused:
        overdue.skip(world.ports, world.subscription(), now=world.now)
    assert refused.value.code == "owed"


@pytest.mark.spec("X-11", "R-2")
def test_a_pause_leaves_nothing_waiting_for_a_decision(world: World) -> None:
    world.buy()
    world.now = datetime(2026, 3, 15, 12, tzinfo=UTC)
    world.tick()
    pause.pause(world.ports, world.subscription(), now=world.now)
    with pytest.raises(Refused) as refused:
        overdue.charge(world.ports, world.subscription(), now=world.now)
    assert refused.value.code == "nothing_due"
