"""Payments that PayPal holds back for days: neither made nor refused, and not asked about without
end (W-2, R-6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest

from billing.cancel.flows.cancel import Result
from billing.checkout.checkouts import CheckoutState
from billing.gateways.paypal.orders import Reference
from billing.kernel.gateways import PaymentStatus
from billing.kernel.invoices import InvoiceState
from billing.kernel.orders import OrderKind
from billing.kernel.subscription import State, When
from dev.paypal import orders
from tests import paypal as on_loopback
from tests.scenarios.test_paypal_life import PayPalWorld, _deliver
from tests.world import World


class Waiting(PayPalWorld):
    """A world that counts how often PayPal is asked what became of a payment."""

    asked = 0

    def count(self) -> None:
        lookup = self.gateway.lookup

        def counted(reference: str, *, attempt_key: str) -> PaymentStatus:
            self.asked += 1
            return lookup(reference, attempt_key=attempt_key)

        self.gateway.lookup = counted  # type: ignore[method-assign]

    def settle(self, status: str) -> None:
        """PayPal makes up its mind about its newest payment."""
        newest = list(self.paypal.books.orders)[-1]
        with self.paypal.changing() as books:
            orders.settle_pending(books, newest, status)


@pytest.fixture
def world() -> Iterator[Waiting]:
    now = [World().now]
    with on_loopback.loopback(lambda: now[0]) as paypal:
        made = Waiting(paypal)
        paypal.books.clock = paypal.clock = lambda: made.now
        made.count()
        yield made


@pytest.mark.spec("W-2", "R-6", "C-4")
@pytest.mark.parametrize("status", ["COMPLETED", "DECLINED"])
@pytest.mark.parametrize("told", [True, False])
def test_a_first_payment_that_is_held_back_is_asked_about_less_and_less(
    world: Waiting, status: str, told: bool
) -> None:
    bought = world.buy_as("pending")
    assert bought.state is CheckoutState.OPEN
    assert bought.invoice.state is InvoiceState.CONFIRMING
    assert _deliver(world) == Counter(payment_pending=1), "an answer, not an error to be sent again"
    world.asked = 0
    world.advance(days=20)
    assert 20 <= world.asked <= 40
    world.settle(status)
    if told:
        paid = status == "COMPLETED"
        assert _deliver(world)[f"checkout_{'paid' if paid else 'declined'}"] == 1
    else:
        world.advance(days=1, minutes=20)
    after = world.store.checkout("acme", bought.key)
    assert after is not None
    assert after.state is (CheckoutState.PAID if status == "COMPLETED" else CheckoutState.DECLINED)
    assert Reference.read(after.invoice.gateway_ref or "").order in world.paypal.books.orders


@pytest.mark.spec("W-2", "R-6")
@pytest.mark.parametrize("told", [True, False])
def test_a_renewal_that_is_held_back_is_asked_about_less_and_less(
    world: Waiting, told: bool
) -> None:
    world.buy_as()
    world.becomes("pays", capture="PENDING")
    world.advance(days=29)
    (invoice,) = (i for i in world.history().invoices if i.state is InvoiceState.CONFIRMING)
    world.asked = 0
    world.advance(days=12)
    assert 12 <= world.asked <= 30
    world.settle("COMPLETED")
    if told:
        assert _deliver(world)["paid"] == 1
    else:
        world.advance(days=1, minutes=20)
    found = world.history().invoice(invoice.id)
    assert found is not None and found.state is InvoiceState.PAID
    assert world.subscription().payments_made == 2
    world.becomes("pays")
    world.advance(days=30)
    assert world.subscription().payments_made == 3, "the cycle goes on at its own dates"


@pytest.mark.spec("W-2", "X-6")
def test_a_renewal_that_is_held_back_is_cancelled_once_paypal_has_decided(world: Waiting) -> None:
    world.buy_as()
    world.becomes("pays", capture="PENDING")
    world.advance(days=29)
    assert world.cancel(When.NOW).result is Result.CHARGE_UNDER_WAY
    world.advance(days=3)
    assert world.subscription().state is not State.CANCELLED
    world.settle("DECLINED")
    world.advance(days=1, minutes=20)
    assert world.subscription().state is State.CANCELLED
    assert [o.kind for o in world.orders()].count(OrderKind.REBILL) == 0
    world.now += timedelta(days=1)
    assert world.money() == [("succeeded", 0), ("declined", 0)]
