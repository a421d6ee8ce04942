"""Disputes that are won while a plan is frozen, or within a set of payments (W-4, A-5, P-8)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from billing.cancel.flows import pause
from billing.kernel.catalog import Cycle, PriceTerms, PriceType
from billing.kernel.errors import Refused
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Period
from billing.kernel.subscription import State
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert
from billing.notices import windows
from billing.plans.flows import change_plan, freeze
from billing.plans.plan_change import When
from tests.scenarios.disputes import WON, decide, disputed
from tests.world import MONTHLY, World

GOLD = replace(MONTHLY, price=Money(4999, Currency.USD))


@pytest.mark.spec("W-4", "A-5")
def test_what_is_frozen_and_past_due_is_frozen_when_its_dispute_is_won() -> None:
    world = World()
    product = world.product(MONTHLY, GOLD)
    world.buy(product)
    freeze.freeze(world.ports, world.merchant, world.subscription(), now=world.now)
    card, held = world.history().methods[0], world.subscription()
    broken = replace(card, id="pm_card_chargeCustomerFail:saved", fingerprint="other")
    world.store.commit(Insert(broken), Change(held, replace(held, payment_method=broken.id)))
    world.advance(days=29)
    assert world.subscription().state is State.PAST_DUE
    dispute = disputed(world)
    world.advance(days=1)
    decide(world, dispute, WON)
    found = world.subscription()
    assert (found.state, found.is_frozen) == (State.FROZEN, True)
    with pytest.raises(Refused) as refusal:
        change_plan.change(
            world.ports, found, product.price_points[1], When.NEXT_REBILL, now=world.now
        )
    assert refusal.value.code == "not_active"


def set_of_three() -> PriceTerms:
    price = Money(9900, Currency.USD)
    return PriceTerms(PriceType.RECURRING_INSTALLMENT, price, Period.MONTHLY, 3, Cycle.YEARLY)


@pytest.mark.spec("P-8", "W-4", "X-11")
def test_a_set_that_a_won_dispute_moved_stays_whole_over_a_pause() -> None:
    world = World()
    world.buy(world.product(set_of_three()))
    dispute = disputed(world)
    world.advance(to=datetime(2026, 3, 10, 15, tzinfo=UTC))
    decide(world, dispute, WON)
    world.advance(to=datetime(2027, 1, 20, 15, tzinfo=UTC))
    assert [c["at"][:10] for c in world.charges()] == ["2026-01-31", "2026-03-31"]
    pause.pause(world.ports, world.subscription(), now=world.now)
    world.advance(to=datetime(2027, 2, 10, 15, tzinfo=UTC))
    pause.resume(world.ports, world.subscription(), now=world.now)
    world.advance(to=datetime(2027, 6, 1, 15, tzinfo=UTC))
    assert [c["at"][:10] for c in world.charges()[2:]] == ["2027-02-10", "2027-03-10", "2027-04-10"]


@pytest.mark.spec("P-8", "W-4", "X-12")
def test_a_set_that_a_won_dispute_moved_is_renewed_by_its_first_payment() -> None:
    world = World()
    world.buy(world.product(set_of_three()))
    dispute = disputed(world)
    world.advance(to=datetime(2026, 3, 10, 15, tzinfo=UTC))
    decide(world, dispute, WON)
    assert windows.term_days(world.subscription()) is None, "the third of its set"
    world.advance(to=datetime(2026, 4, 1, 15, tzinfo=UTC))
    assert world.subscription().period_at == datetime(2027, 1, 31, 15, tzinfo=UTC)
    assert windows.term_days(world.subscription()) == 365, "the first of the next"
