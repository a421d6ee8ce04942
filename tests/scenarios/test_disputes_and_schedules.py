"""Disputes that are won while a plan is frozen (W-4, A-5)."""

from __future__ import annotations

import pytest

from billing.kernel.errors import Refused
from billing.kernel.money import Currency, Money
from billing.kernel.subscription import State
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert
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
