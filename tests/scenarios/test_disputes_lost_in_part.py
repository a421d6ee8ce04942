"""A bank takes less in the end than was disputed, or more (W-4)."""

from __future__ import annotations

import pytest

from billing.kernel.gateways import Dispute
from billing.kernel.ledger import CHARGEBACKS, DISPUTED, RECEIVED
from billing.kernel.money import Currency, Money
from billing.kernel.orders import Order, OrderKind
from billing.kernel.subscription import Source, State
from billing.kernel.values import replace
from billing.refunds.flows import refund, sync_disputes
from tests.plans.changing import GOLD, bought, change
from tests.scenarios.disputes import (
    LOST,
    ONCE,
    OPEN,
    WON,
    appeal,
    balance,
    decide,
    disputed,
    has_access,
)
from tests.tax.taxing import LOS_ANGELES, collecting
from tests.world import MONTHLY, World

pytestmark = pytest.mark.spec("W-4")

SANDBOX = "sandbox:sandbox"


@pytest.fixture
def world() -> World:
    return World(limits=False)


def entry(world: World) -> Order:
    (found,) = (order for order in world.orders() if order.kind is OrderKind.CHARGEBACK)
    return found


def give_back(world: World, amount_minor: int | None = None) -> int:
    (sale,) = (order for order in world.orders() if order.kind is OrderKind.SALE)
    paid = refund.payment(world.ports, "acme", sale.id)
    made = refund.request(
        world.ports, paid, amount_minor=amount_minor, source=Source.MERCHANT, now=world.now
    )
    return made.amount.amount_minor


def lost_of(world: World) -> tuple[int, int, int]:
    """Returns what invoice, chargeback and its entry say that a bank took."""
    (invoice,), (chargeback,) = world.history().invoices[:1], world.history().chargebacks
    return (
        invoice.disputed_minor,
        chargeback.amount.amount_minor,
        entry(world).amount.amount_minor,
    )


def told(world: World, dispute: str, standing: str, amount_minor: int) -> str:
    """Tells of a dispute what a gateway says of it now."""
    (invoice,) = world.history().invoices
    found = Dispute(
        dispute,
        {"open": OPEN, "won": WON, "lost": LOST}[standing],
        Money(amount_minor, Currency.USD),
        str(invoice.gateway_ref),
        world.now,
    )
    return sync_disputes.update(world.ports, world.merchant, invoice, [found], now=world.now)


@pytest.mark.spec("B-7")
def test_what_the_bank_leaves_is_the_merchants_again_and_can_be_refunded(world: World) -> None:
    world.buy()
    dispute = disputed(world)
    assert lost_of(world) == (2999, 2999, 2999)
    world.work()
    assert decide(world, dispute, LOST, 1000) == ["dispute_lost"]
    assert lost_of(world) == (1000, 1000, 1000)
    assert balance(world) == {
        CHARGEBACKS: 1000,
        f"{RECEIVED}:{SANDBOX}": 1999,
        "revenue:sales": -2999,
    }
    assert world.subscription().state is State.CANCELLED
    world.work()
    assert "[TEST] Chargeback lost: $10.00 to ann@example.com" in world.subjects()
    assert give_back(world) == 1999


@pytest.mark.spec("A-4", "B-7")
@pytest.mark.parametrize("seen_open", [True, False])
@pytest.mark.parametrize(("first", "then"), [(600, 200), (200, 600), (600, 600)])
def test_decided_anew_it_took_what_the_gateway_says_then(
    world: World, first: int, then: int, seen_open: bool
) -> None:
    product = bought(world, GOLD, MONTHLY)
    change(world, product.price_points[1])
    dispute = disputed(world, 600)
    decide(world, dispute, LOST, first)
    assert world.subscription().credit_minor == 1000 - first
    if seen_open:
        appeal(world, dispute)
        assert (lost_of(world), balance(world)[f"{DISPUTED}:{SANDBOX}"]) == ((first,) * 3, first)
        decide(world, dispute, LOST, then)
    else:
        reference = str(world.history().invoices[0].gateway_ref)
        world.sandbox.appeal_dispute(reference, dispute)
        decide(world, dispute, LOST, then)
    assert lost_of(world) == (then,) * 3
    assert balance(world)[CHARGEBACKS] == then
    assert f"{DISPUTED}:{SANDBOX}" not in balance(world)
    assert world.subscription().credit_minor == 1000 - then
    decide_won = appeal(world, dispute) and decide(world, dispute, WON)
    assert decide_won == ["dispute_won"]
    assert CHARGEBACKS not in balance(world)
    assert world.subscription().credit_minor == 1000


@pytest.mark.parametrize("known", ["open", "lost"])
def test_open_again_it_holds_what_it_took_though_nobody_heard_that_it_was_lost(
    world: World, known: str
) -> None:
    """A gateway names what is asked for then, or what it took; an appeal alone takes no more."""
    world.buy()
    told(world, "dp_1", "open", 2999)
    if known == "lost":
        told(world, "dp_1", "lost", 1000)
    assert told(world, "dp_1", "open", 1000) == "dispute_opened"
    assert told(world, "dp_1", "open", 2999) == "nothing_new"
    assert lost_of(world) == (1000, 1000, 1000)
    assert balance(world)[f"{DISPUTED}:{SANDBOX}"] == 1000
    assert told(world, "dp_1", "lost", 2999) == "dispute_lost"
    assert lost_of(world) == (2999, 2999, 2999)
    assert balance(world) == {CHARGEBACKS: 2999, "revenue:sales": -2999}


@pytest.mark.spec("C-3")
def test_access_that_a_dispute_closed_is_given_back_when_it_is_won_on_appeal(world: World) -> None:
    world.change_merchant(settings=replace(world.merchant.settings, revoke_on_dispute=True))
    world.buy(world.product(ONCE))
    dispute = disputed(world, 900)
    for happens in (LOST, OPEN, WON):
        world.advance(days=1)
        assert not has_access(world)
        appeal(world, dispute) if happens is OPEN else decide(world, dispute, happens)
    assert has_access(world)


def test_more_than_was_disputed_is_taken_as_far_as_the_payment_has_more(world: World) -> None:
    world.buy()
    give_back(world, 500)
    told(world, "dp_1", "open", 1000)
    assert told(world, "dp_1", "lost", 5000) == "dispute_lost"
    assert lost_of(world) == (2499, 2499, 2499)
    assert balance(world) == {CHARGEBACKS: 2499, "revenue:sales": -2499}
    assert told(world, "dp_1", "lost", 5000) == "nothing_new"


def test_one_that_is_heard_of_when_it_has_taken_a_part_is_booked_alike(world: World) -> None:
    world.buy()
    told(world, "dp_1", "lost", 1000)
    assert lost_of(world) == (1000, 1000, 1000)
    assert balance(world)[CHARGEBACKS] == 1000


@pytest.mark.spec("C-3")
@pytest.mark.parametrize("revokes", [False, True])
def test_what_was_bought_once_is_open_again_when_a_part_of_it_is_lost_on_appeal(
    world: World, revokes: bool
) -> None:
    """Closed by the merchant's setting, it stays closed as any that is lost in part."""
    world.change_merchant(settings=replace(world.merchant.settings, revoke_on_dispute=revokes))
    world.buy(world.product(ONCE))
    dispute = disputed(world)
    decide(world, dispute, LOST)
    assert not has_access(world)
    appeal(world, dispute)
    decide(world, dispute, LOST, 900)
    assert has_access(world) is not revokes
    decide_all = appeal(world, dispute) and decide(world, dispute, LOST, 4900)
    assert decide_all == ["dispute_lost"]
    assert not has_access(world)


@pytest.mark.spec("C-10")
def test_it_takes_the_part_of_the_tax_that_is_in_what_it_took(world: World) -> None:
    collecting(world)
    world.buy(address=LOS_ANGELES)
    dispute = disputed(world)
    (invoice,) = world.history().invoices
    whole = sum(invoice.disputed_taxes_minor)
    assert entry(world).tax_minor == whole == invoice.total.amount_minor - 2999
    decide(world, dispute, LOST, 1084)
    (invoice,) = world.history().invoices
    part = sum(invoice.disputed_taxes_minor)
    assert 0 < part < whole
    assert entry(world).tax_minor == part
    assert give_back(world) == invoice.total.amount_minor - 1084
    (invoice,) = world.history().invoices
    assert sum(invoice.refund_taxes_minor) == whole - part
