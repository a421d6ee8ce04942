"""The look for lost events at accounts that have more of them than are read at once (W-1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import stripe

from billing.gateway_events.flows import lost_events
from billing.gateways.paypal import events as paypal_events
from billing.kernel.errors import Unreachable
from billing.refunds.refunds import RefundState
from dev.paypal.books import written
from dev.stripe.faults import Faults
from dev.stripe.server import Loopback
from dev.stripe.service import Account
from tests import paypal as on_loopback
from tests.gateways.stripe.edge import Impatient
from tests.scenarios.stripe_shop import Shop
from tests.scenarios.test_paypal_life import PayPalWorld
from tests.world import World

pytestmark = pytest.mark.spec("W-1")

MONTH = timedelta(days=30)


@pytest.fixture
def by_paypal() -> Iterator[PayPalWorld]:
    now = [World().now]
    with on_loopback.loopback(lambda: now[0]) as paypal:
        made = PayPalWorld(paypal)
        paypal.books.clock = paypal.clock = lambda: made.now
        yield made


@pytest.fixture
def by_stripe() -> Iterator[Shop]:
    world, faults = World(), Faults()
    with Loopback(clock=lambda: world.now, faults=faults) as loopback:
        loopback.open_account(Account("acct_1", "sk_test_loopback"))
        yield Shop(world, loopback, faults)


def refunded_there(world: World) -> list[RefundState]:
    return [refund.state for refund in world.history().refunds]


def other_orders(world: PayPalWorld, many: int) -> None:
    """Events of a shop that takes payments by other programs too, all month long."""
    ends = world.now
    for n in range(many):
        order = {"id": f"OTHER{n}", "purchase_units": [{"custom_id": "a shop's own"}]}
        world.paypal.books.note("CHECKOUT.ORDER.APPROVED", "checkout-order", order)
        world.paypal.books.events[-1]["create_time"] = written(ends - MONTH * (many - n) / many)


def other_customers(shop: Shop, many: int) -> None:
    """Events of a merchant who sells through another program as well, all month long."""
    work = shop.working()
    ends = work.now
    for n in range(many):
        work.now = ends - MONTH * (many - n) / many
        work.tell("customer.updated", {"id": f"cus_{n}", "object": "customer"})
    work.commit()


def look(world: World) -> Counter[str]:
    world.now += timedelta(hours=1)
    return lost_events.catch_up(world.ports, now=world.now)


def only(times: int, ask: Callable[..., Any], over: Exception) -> Callable[..., Any]:
    """Asks a gateway a few times, until the time of a function is over."""
    left = iter(range(times))

    def asked(*args: Any, **kwargs: Any) -> Any:
        if next(left, None) is None:
            raise over
        return ask(*args, **kwargs)

    return asked


def test_a_refund_is_found_among_more_events_than_paypal_shows_at_once(
    by_paypal: PayPalWorld,
) -> None:
    by_paypal.buy_as()
    by_paypal.now += MONTH / 2
    other_orders(by_paypal, 5200)
    (invoice,) = by_paypal.history().invoices
    by_paypal.paypal.refund_elsewhere(str(invoice.gateway_ref), 500)
    assert look(by_paypal)["refund_made_elsewhere"] == 1
    assert refunded_there(by_paypal) == [RefundState.SUCCEEDED]


def test_a_look_at_paypal_that_is_cut_goes_on_where_it_stopped(
    by_paypal: PayPalWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_paypal.buy_as()
    by_paypal.now += MONTH / 2
    other_orders(by_paypal, 3000)
    (invoice,) = by_paypal.history().invoices
    by_paypal.paypal.refund_elsewhere(str(invoice.gateway_ref), 500)
    kept = paypal_events._ok
    for _ in range(20):
        monkeypatch.setattr(paypal_events, "_ok", only(16, kept, Unreachable("no time")))
        look(by_paypal)
    assert refunded_there(by_paypal) == [RefundState.SUCCEEDED]


def test_a_look_at_stripe_that_is_cut_goes_on_where_it_stopped(
    by_stripe: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = by_stripe.world
    world.buy(by_stripe.product())
    world.now += MONTH / 2
    other_customers(by_stripe, 3000)
    (invoice,) = world.history().invoices
    by_stripe.dashboard.v1.refunds.create(
        {"payment_intent": str(invoice.gateway_ref), "amount": 500}
    )
    over = stripe.APIConnectionError("no time")  # type: ignore[no-untyped-call]
    kept = Impatient.request
    for _ in range(20):
        monkeypatch.setattr(Impatient, "request", only(16, kept, over))
        look(world)
    assert refunded_there(world) == [RefundState.SUCCEEDED]
