"""Money that a bank takes back, before tax, in the figures (M-10, W-4)."""

from __future__ import annotations

import pytest

from billing.kernel.gateways import DisputeStanding
from billing.kernel.subscription import Source
from billing.refunds.flows import refund
from billing.refunds.flows.refund import Takes
from tests.figures.watched import Watched
from tests.scenarios.disputes import decide, disputed
from tests.tax.taxing import LOS_ANGELES, collecting


def returned(world: Watched, amount: int | None = None, *, takes: Takes = Takes.OWN) -> None:
    paid = world.history().invoices[-1]
    world.now = world.now.replace(microsecond=world.now.microsecond + 1)
    refund.request(
        world.ports,
        refund.payment(world.ports, "acme", paid.order_id),
        amount_minor=amount,
        source=Source.MERCHANT,
        takes=takes,
        now=world.now,
    )


def gone(world: Watched) -> tuple[int, int]:
    """Returns what was sold, and what went back of it, both before tax."""
    world.observe()
    return world.total("revenue"), world.total("refunds") + world.total("chargebacks")


SHARED = pytest.mark.xfail(
    strict=True, reason="a chargeback counts with its share of its invoice's tax, not its own taxes"
)
"""A mend needs the taxes on the entry itself: a chargeback gives up its own once it is won."""


@SHARED
@pytest.mark.spec("M-10", "W-4", "C-10")
@pytest.mark.parametrize("part", [1084, 1626, 1627])
def test_a_payment_lost_in_part_and_refunded_for_the_rest_leaves_no_revenue(part: int) -> None:
    world = Watched()
    collecting(world)
    world.buy(address=LOS_ANGELES)
    decide(world, disputed(world, part), DisputeStanding.LOST)
    returned(world)
    assert gone(world) == (2999, 2999)


@SHARED
@pytest.mark.spec("M-10", "W-4", "C-10")
def test_a_payment_whose_tax_was_refunded_before_a_bank_took_the_rest_leaves_no_revenue() -> None:
    world = Watched()
    collecting(world)
    world.buy(address=LOS_ANGELES)
    returned(world, takes=Takes.NONE)
    disputed(world, 2999)
    assert gone(world) == (2999, 2999)
