"""A bank decides a dispute once more: an appeal, or news of one that come late (W-4)."""

from __future__ import annotations

import pytest

from billing.kernel.gateways import Dispute
from billing.kernel.ledger import CHARGEBACKS, RECEIVED
from billing.refunds.flows import sync_disputes
from tests.plans.changing import GOLD, bought, change
from tests.scenarios.disputes import (
    LOST,
    ONCE,
    WON,
    appeal,
    balance,
    decide,
    disputed,
    give_back,
    has_access,
    reference,
)
from tests.world import MONTHLY, World

pytestmark = pytest.mark.spec("W-4")


@pytest.fixture
def world() -> World:
    return World(limits=False)


def with_credit(world: World) -> None:
    """Buys a plan and changes to a cheaper one; half of the difference is kept as credit."""
    product = bought(world, GOLD, MONTHLY)
    change(world, product.price_points[1])
    assert world.subscription().credit_minor == 1000


@pytest.mark.spec("B-7", "A-4")
@pytest.mark.parametrize("taken", [600, 4999])
def test_what_is_won_after_it_was_lost_gives_the_credit_back(world: World, taken: int) -> None:
    """A bank may decide anew, and PayPal on appeal; one that never reaches us is no difference."""
    for appealed in (True, False):
        world = World(limits=False)
        with_credit(world)
        dispute = disputed(world, taken)
        decide(world, dispute, LOST)
        assert world.subscription().credit_minor == max(0, 1000 - taken)
        if appealed:
            assert appeal(world, dispute) == ["dispute_opened"]
            assert world.subscription().credit_minor == max(0, 1000 - taken)
        else:
            world.sandbox.appeal_dispute(reference(world), dispute)
        assert decide(world, dispute, WON) == ["dispute_won"]
        assert world.subscription().credit_minor == 1000
        (chargeback,) = world.history().chargebacks
        assert chargeback.took is None
        assert balance(world) == {f"{RECEIVED}:sandbox:sandbox": 4999, "revenue:sales": -4999}


@pytest.mark.spec("B-7", "A-4")
def test_what_is_lost_again_is_taken_once(world: World) -> None:
    with_credit(world)
    dispute = disputed(world, 600)
    decide(world, dispute, LOST)
    before = world.subscription()
    appeal(world, dispute)
    assert decide(world, dispute, LOST) == ["dispute_lost"]
    assert world.subscription() == before
    assert before.credit_minor == 400


@pytest.mark.spec("B-7", "C-3")
def test_what_was_bought_once_is_open_again_when_it_is_won_after_it_was_lost(world: World) -> None:
    world.buy(world.product(ONCE))
    dispute = disputed(world)
    decide(world, dispute, LOST)
    assert not has_access(world)
    appeal(world, dispute)
    decide(world, dispute, WON)
    assert has_access(world)
    assert give_back(world, world.orders()[0]).amount.amount_minor == 4900


@pytest.mark.spec("B-7", "C-3")
def test_what_was_bought_once_is_closed_when_it_is_lost_after_it_was_won(world: World) -> None:
    """Decided anew at once: that it was open again in between never reached us."""
    world.buy(world.product(ONCE))
    (invoice,) = world.history().invoices
    for standing, open_after in ((WON, True), (LOST, False)):
        found = Dispute("dp_1", standing, invoice.total, str(invoice.gateway_ref), world.now)
        sync_disputes.update(world.ports, world.merchant, invoice, [found], now=world.now)
        assert has_access(world) is open_after
    assert balance(world) == {CHARGEBACKS: 4900, "revenue:sales": -4900}
