"""Disputes at PayPal: cases that another one replaces (W-2, W-4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from billing.gateway_events.flows import webhook
from billing.kernel.gateways import DisputeStanding
from billing.kernel.ledger import RECEIVED, trial_balance
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
