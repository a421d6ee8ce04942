"""Money that nobody owes any more is booked and given back (W-1, X-6)."""

from __future__ import annotations

from typing import Any

import pytest

from billing.checkout.checkouts import CheckoutState
from billing.gateway_events.flows import webhook
from billing.kernel.customers import ERASED
from billing.kernel.errors import Unreachable
from billing.kernel.gateways import SANDBOX, AccountRef, GatewayEvent
from billing.kernel.invoices import InvoiceState
from billing.kernel.ledger import trial_balance
from billing.kernel.subscription import State, When
from billing.kernel.values import replace
from billing.kernel.walks import Seen
from billing.privacy.flows import erase, erase_merchant
from tests.world import World

ACME = AccountRef("acme", SANDBOX, SANDBOX)

pytestmark = pytest.mark.spec("W-1")


@pytest.fixture
def world() -> World:
    return World(limits=False)


def events_of(world: World) -> list[GatewayEvent]:
    return list(world.sandbox.events_since(world.now.replace(year=2000)))


def take(world: World, event: GatewayEvent) -> str:
    (outcome,) = webhook.take(world.ports, world.merchant, ACME, event, now=world.now)
    return outcome


def charged_after_all(world: World, reference: str) -> None:
    """The gateway takes the money of a payment that it had said was withdrawn."""
    ledger = world.sandbox._ledger
    row, revision = ledger.read(reference) or ({}, 0)
    ledger.write(reference, {**row, "state": "unconfirmed"}, revision=revision)
    world.sandbox.confirm(
        reference, "pm_card_visa:1", key="late", off_session=True, return_url=None
    )


@pytest.mark.spec("X-6", "B-7", "M-7")
def test_money_for_a_void_invoice_is_booked_and_given_back(world: World) -> None:
    world.buy()
    world.now = world.now.replace(month=2, day=28)
    world.sweep()
    confirm = world.sandbox.confirm

    def unheard(*args: Any, **kwargs: Any) -> Any:
        raise Unreachable("the gateway is away")

    world.sandbox.confirm = unheard  # type: ignore[method-assign]
    world.work()
    world.sandbox.confirm = confirm  # type: ignore[method-assign]
    world.cancel(When.NOW)
    world.advance(minutes=20)
    (void,) = (i for i in world.history().invoices if i.state is InvoiceState.VOID)
    assert void.gateway_ref is not None
    charged_after_all(world, void.gateway_ref)
    late = events_of(world)[-1]
    assert take(world, late) == "paid_too_late"
    assert take(world, late) == "repeated"
    world.advance(minutes=5)
    assert [c["status"] for c in world.charges()] == ["succeeded", "refunded"]
    history = world.history()
    assert {o.kind for o in history.orders[-2:]} == {"rebill", "refund"}, "both at one instant"
    assert history.subscriptions[0].state is State.CANCELLED
    assert history.subscriptions[0].payments_made == 1
    balance = trial_balance(history.ledger)
    assert sum(balance.values()) == 0
    assert max(balance.values()) == 2999


@pytest.mark.spec("C-4", "B-7")
def test_money_for_an_abandoned_purchase_is_booked_and_given_back(world: World) -> None:
    product = world.product()
    form = world.submission(payment_method="pm_card_authenticationRequired")
    waiting = world.submit(product.default_price_point, form)
    world.advance(hours=2)
    left = world.store.checkout("acme", form.attempt_key)
    assert left is not None and left.state is CheckoutState.ABANDONED
    assert waiting.invoice.gateway_ref is not None
    charged_after_all(world, waiting.invoice.gateway_ref)
    late = events_of(world)[-1]
    assert take(world, late) == "paid_too_late"
    assert take(world, replace(late, id="evt_another")) == "nothing_new"
    world.advance(minutes=5)
    history = world.history()
    assert (history.subscriptions, history.entitlements) == ((), ())
    assert [o.kind for o in history.orders] == ["sale", "refund"]
    assert [c["status"] for c in world.charges()] == ["refunded"]
    assert world.subjects()


@pytest.mark.spec("C-4", "B-7", "M-8")
def test_money_for_a_form_that_was_erased_is_given_back_to_whoever_it_was(world: World) -> None:
    product = world.product()
    world.buy(product)
    form = world.submission(
        payment_method="pm_card_chargeCustomerFail", attempt_key="again", confirm_repeat=True
    )
    declined = world.submit(product.default_price_point, form)
    assert declined.state is CheckoutState.DECLINED and declined.invoice.gateway_ref
    customer = world.subscription().customer
    world.book_on_customer("again")
    world.cancel(When.NOW)
    world.advance(minutes=20)
    erase.one(world.ports, "acme", customer, now=world.now)
    world.mailer.sent.clear()
    charged_after_all(world, declined.invoice.gateway_ref)
    late = events_of(world)[-1]
    assert take(world, late) == "paid_too_late"
    world.advance(minutes=20)
    assert [c["status"] for c in world.charges()] == ["succeeded", "declined", "refunded"]
    assert world.mailer.sent == [], "nobody is left who could be told"
    again = world.store.checkout("acme", "again")
    assert again is not None and again.bill_to.email == ERASED
    history = world.store.history("acme", again.customer)
    assert history.customer is not None and history.customer.name == ERASED
    assert {o.kind for o in history.orders[-2:]} == {"sale", "refund"}, "both at one instant"
    assert {o.email for o in history.orders} == {None}
    assert "ann@" not in repr(replace(history, invoices=(), documents=()))
    assert history.methods == ()


@pytest.mark.spec("C-4", "B-7", "M-8")
def test_money_of_a_stranger_whose_form_was_erased_is_given_back_too(world: World) -> None:
    product = world.product()
    form = world.submission(payment_method="pm_card_chargeCustomerFail")
    declined = world.submit(product.default_price_point, form)
    seller = world.store.merchant("acme")
    assert seller is not None and declined.invoice.gateway_ref
    steps = erase_merchant.steps(world.ports, seller, "", now=world.now, keep_going=lambda: True)
    assert Seen.LEFT not in {step.seen for step in steps}
    charged_after_all(world, declined.invoice.gateway_ref)
    assert take(world, events_of(world)[-1]) == "paid_too_late"
    world.advance(minutes=20)
    assert [c["status"] for c in world.charges()] == ["declined", "refunded"]
    history = world.store.history("acme", declined.customer)
    assert history.customer is not None and history.customer.name == ERASED
    assert "ann@" not in repr(history) and history.methods == ()
    assert world.store.customer_by_email("acme", ERASED) is None
