"""Disputes at PayPal: cases that another one replaces, or that a refund closes (W-2, W-4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from billing.gateway_events.flows import webhook
from billing.kernel.gateways import DisputeStanding
from billing.kernel.ledger import RECEIVED, trial_balance
from billing.kernel.orders import OrderKind
from billing.kernel.subscription import Source, State
from billing.refunds.flows import refund
from dev.paypal import orders
from tests import paypal as on_loopback
from tests.scenarios.test_paypal_life import PayPalWorld
from tests.world import World

pytestmark = pytest.mark.spec("W-4", "W-2")


@pytest.fixture
def world() -> Iterator[PayPalWorld]:
    now = [World().now]
    with on_loopback.loopback(lambda: now[0]) as paypal:
        made = PayPalWorld(paypal)
        paypal.books.clock = paypal.clock = lambda: made.now
        yield made


def deliver(world: PayPalWorld) -> Counter[str]:
    """Delivers every event of PayPal's once more."""
    tally: Counter[str] = Counter()
    for event in world.paypal.books.events:
        body, headers = world.paypal.deliver(event)
        tally += webhook.receive(
            world.ports, world.merchant, "paypal", body, headers, now=world.now
        )
    return tally


def received(world: PayPalWorld) -> int:
    """Returns the money that our books have at PayPal."""
    found = trial_balance(world.history().ledger)
    return sum(amount for (account, _), amount in found.items() if account.startswith(RECEIVED))


def test_a_case_that_another_one_replaces_holds_nothing_any_more(world: PayPalWorld) -> None:
    world.buy_as()
    (capture,) = world.paypal.books.captures
    first = orders.open_dispute(world.paypal.books, capture)
    deliver(world)
    orders.close_dispute(world.paypal.books, first, "NONE")
    second = orders.open_dispute(world.paypal.books, capture)
    deliver(world)
    (invoice,) = world.history().invoices
    assert (invoice.dispute, invoice.disputed_minor) == (DisputeStanding.OPEN, 2999)
    assert world.subscription().due_at is None
    orders.close_dispute(world.paypal.books, second, "RESOLVED_SELLER_FAVOUR")
    deliver(world)
    (invoice,) = world.history().invoices
    assert (invoice.dispute, invoice.disputed_minor) == (DisputeStanding.WON, 0)
    assert received(world) == 2999
    world.advance(days=40)
    assert world.subscription().payments_made == 2


@pytest.mark.parametrize("by_us", [True, False])
def test_an_inquiry_that_a_refund_closes_gives_the_money_back_once(
    world: PayPalWorld, by_us: bool
) -> None:
    world.buy_as()
    (capture,) = world.paypal.books.captures
    orders.open_dispute(world.paypal.books, capture, "INQUIRY")
    deliver(world)
    (sale,) = world.orders()
    if by_us:
        payment = refund.payment(world.ports, "acme", sale.id)
        refund.request(
            world.ports, payment, amount_minor=None, source=Source.MERCHANT, now=world.now
        )
    else:
        (invoice,) = world.history().invoices
        world.paypal.refund_elsewhere(str(invoice.gateway_ref), 2999)
    deliver(world)
    (invoice,) = world.history().invoices
    assert (invoice.refunded_minor, invoice.disputed_minor) == (2999, 0)
    assert received(world) == 0
    assert [order.kind for order in world.orders()] == [OrderKind.SALE, OrderKind.REFUND]
    assert world.subscription().state is State.ACTIVE


def test_a_dispute_that_took_a_part_leaves_the_rest(world: PayPalWorld) -> None:
    """Its outcome says what (`amount_refunded`, https://developer.paypal.com/docs/disputes/faq/)."""
    world.buy_as()
    (capture,) = world.paypal.books.captures
    dispute = orders.open_dispute(world.paypal.books, capture)
    deliver(world)
    orders.close_dispute(world.paypal.books, dispute, "RESOLVED_BUYER_FAVOUR", took_minor=1000)
    deliver(world)
    (invoice,) = world.history().invoices
    assert (invoice.dispute, invoice.disputed_minor) == (DisputeStanding.LOST, 1000)
    assert received(world) == 1999
