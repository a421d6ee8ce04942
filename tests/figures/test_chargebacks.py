"""Money that a bank takes back, before tax, in the figures (M-10, W-4)."""

from __future__ import annotations

import pytest

from billing.figures.flows import books, recount
from billing.kernel.gateways import Dispute, DisputeStanding
from billing.kernel.orders import OrderKind
from billing.kernel.subscription import Source
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.refunds.flows import refund, sync_disputes
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
    """Returns what was sold, and what went back of it, both before tax; a recount says the same."""
    world.observe()
    book = books.of(world.ports, ["acme"], now=world.now)["acme"]
    for span in {row.span for row in world.sums()}:
        assert recount.compare(world.ports, world.merchant, book, span) == []
    return world.total("revenue"), world.total("refunds") + world.total("chargebacks")


@pytest.mark.spec("M-10", "W-4", "C-10")
@pytest.mark.parametrize("part", [1084, 1626, 1627])
def test_a_payment_lost_in_part_and_refunded_for_the_rest_leaves_no_revenue(part: int) -> None:
    world = Watched()
    collecting(world)
    world.buy(address=LOS_ANGELES)
    decide(world, disputed(world, part), DisputeStanding.LOST)
    returned(world)
    assert gone(world) == (2999, 2999)


@pytest.mark.spec("M-10", "W-4", "C-10")
@pytest.mark.parametrize("observed", [True, False])
def test_a_dispute_that_took_less_than_was_disputed_counts_with_that(observed: bool) -> None:
    world = Watched()
    collecting(world)
    world.buy(address=LOS_ANGELES)
    dispute = disputed(world)
    assert not observed or gone(world) == (2999, 2999)
    decide(world, dispute, DisputeStanding.LOST, 1084)
    returned(world)
    assert gone(world) == (2999, 2999)


@pytest.mark.spec("M-10", "W-4", "C-10")
def test_a_payment_whose_tax_was_refunded_before_a_bank_took_the_rest_leaves_no_revenue() -> None:
    world = Watched()
    collecting(world)
    world.buy(address=LOS_ANGELES)
    returned(world, takes=Takes.NONE)
    disputed(world, 2999)
    assert gone(world) == (2999, 2999)


@pytest.mark.spec("M-10", "W-4", "C-10")
def test_a_dispute_that_is_lost_after_it_was_won_counts_with_the_tax_that_it_takes_then() -> None:
    """Decided anew at once: that it was open again in between never reached us."""
    world = Watched()
    collecting(world)
    world.buy(address=LOS_ANGELES)
    dispute = disputed(world, 2999)
    decide(world, dispute, DisputeStanding.WON)
    returned(world, takes=Takes.NONE)
    world.observe()
    (invoice,) = world.history().invoices
    (chargeback,) = world.history().chargebacks
    found = Dispute(
        *(dispute, DisputeStanding.LOST, chargeback.amount, str(invoice.gateway_ref)),
        opened_at=chargeback.opened_at,
    )
    sync_disputes.update(world.ports, world.merchant, invoice, [found], now=world.now)
    assert gone(world) == (2999, 2999)


@pytest.mark.spec("M-10")
def test_an_entry_from_before_its_tax_was_kept_counts_with_its_share_of_its_invoices() -> None:
    world = Watched()
    collecting(world)
    world.buy(address=LOS_ANGELES)
    returned(world, takes=Takes.NONE)
    disputed(world, 2999)
    (entry,) = (o for o in world.orders() if o.kind is OrderKind.CHARGEBACK)
    world.store.commit(Change(entry, replace(entry, tax_minor=None)))
    (invoice,) = world.history().invoices
    tax = round(2999 * (invoice.total.amount_minor - 2999) / invoice.total.amount_minor)
    assert gone(world) == (2999, 2999 - tax)
