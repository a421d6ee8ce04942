"""Taxes of a payment that banks take back, beside refunds of it (W-4, C-10)."""

from __future__ import annotations

import pytest

from billing.kernel.gateways import DisputeStanding
from billing.kernel.subscription import Source
from billing.refunds.flows import refund
from billing.refunds.flows.refund import Takes
from billing.refunds.refunds import RefundState
from tests.scenarios.disputes import decide, disputed
from tests.tax.taxing import LOS_ANGELES, collecting, newest, returned, usd
from tests.world import World


@pytest.mark.spec("W-4", "C-10")
def test_a_payment_that_is_lost_in_parts_gives_back_its_net_amount_and_no_more() -> None:
    world = collecting(World(limits=False))
    world.buy(address=LOS_ANGELES)
    for part in (1084, 1084, 1085):
        decide(world, disputed(world, part), DisputeStanding.LOST)
    assert newest(world).total == usd(3253)
    (share,) = world.subscription().money.shares
    assert (share.paid_minor, share.returned_minor) == (2999, 2999)


@pytest.mark.spec("W-4", "B-7", "C-10")
def test_a_payment_lost_in_part_and_refunded_for_the_rest_gives_back_its_net_amount() -> None:
    """A bank that takes half leaves so much of each tax to the refund as it did not take."""
    for part in (1, 1084, 1626, 1627, 3252):
        world = collecting(World(limits=False))
        world.buy(address=LOS_ANGELES)
        decide(world, disputed(world, part), DisputeStanding.LOST)
        returned(world, newest(world))
        (chargeback,), (made,) = world.history().chargebacks, world.history().refunds
        assert chargeback.took is not None
        net = chargeback.took.returned_minor + made.amount.amount_minor - sum(made.taxes)
        assert (net, newest(world).taxes_left) == (2999, (0, 0, 0)), part


@pytest.mark.spec("W-4", "B-7", "C-10")
def test_a_chargeback_takes_its_share_of_what_is_left_of_the_taxes() -> None:
    world = collecting(World())
    world.buy(address=LOS_ANGELES)
    returned(world, newest(world), 1000)
    first = disputed(world, 1000)
    assert newest(world).disputed_taxes_minor == (55, 2, 20)
    decide(world, first, DisputeStanding.WON)
    assert newest(world).disputed_taxes_minor == ()
    disputed(world, 2253)
    assert newest(world).taxes_left == (0, 0, 0)
    (chargeback,) = [c for c in world.history().chargebacks if c.id != first]
    assert chargeback.taxes == (125, 5, 46)


@pytest.mark.spec("W-4", "B-7", "C-10")
def test_a_bank_takes_the_tax_of_a_refund_that_it_leaves_no_room_for() -> None:
    """Where there is room for it, the bank takes its share of the rest."""
    for part, taxes, after in ((1253, (69, 3, 26), (111, 4, 41)), (3253, (180, 7, 67), (0, 0, 0))):
        world = collecting(World())
        world.buy(address=LOS_ANGELES)
        world.sandbox.faults.arm("timeout_before", 2)
        returned(world, newest(world), 2000)
        world.sandbox.faults.arm("timeout_before", 0)
        disputed(world, part)
        (chargeback,) = world.history().chargebacks
        assert chargeback.taxes == taxes
        world.advance(days=1)
        (made,) = world.history().refunds
        assert made.state is RefundState.FAILED  # what is disputed the gateway refunds no more
        assert newest(world).taxes_left == after


@pytest.mark.spec("W-4", "C-7")
def test_a_bank_takes_back_no_more_net_than_was_paid_beside_a_refund_of_the_tax() -> None:
    """Ours was reserved and not answered, so all tax was as good as gone."""
    world = collecting(World())
    world.buy(address=LOS_ANGELES)
    paid = newest(world)
    world.sandbox.faults.arm("timeout_before", 2)
    refund.request(
        world.ports,
        refund.payment(world.ports, "acme", paid.order_id),
        amount_minor=None,
        source=Source.MERCHANT,
        takes=Takes.NONE,
        now=world.now,
    )
    world.sandbox.faults.arm("timeout_before", 0)
    decide(world, disputed(world), DisputeStanding.LOST)
    (chargeback,) = world.history().chargebacks
    assert chargeback.amount == paid.total
    assert chargeback.took is not None
    assert chargeback.took.returned_minor == paid.net.amount_minor == 2999
    (share,) = world.subscription().money.shares
    assert share.returned_minor == 2999
