"""Checkouts whose reads are out of date by the time of their writes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from billing.checkout.checkouts import CheckoutState
from billing.checkout.flows import submit
from billing.kernel.catalog import PriceTerms, PriceType
from billing.kernel.errors import Refused, Unavailable, Unreachable
from billing.kernel.money import Currency, Money
from billing.kernel.operation import BillingSwitch
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert
from billing.privacy.flows import erase
from tests.checkout.test_trials import FREE
from tests.world import MONTHLY, World, meanwhile


@pytest.fixture
def world() -> World:
    return World()


def once_while(world: World, call: str, act: Callable[[], Any]) -> None:
    """Does something once, just before the sandbox answers a call."""
    answer = getattr(world.sandbox, call)

    def met(*args: Any, **named: Any) -> Any:
        setattr(world.sandbox, call, answer)
        meanwhile(act)
        return answer(*args, **named)

    setattr(world.sandbox, call, met)


@pytest.mark.spec("C-2", "C-3")
def test_two_first_purchases_of_one_email_that_meet_are_one_customers(world: World) -> None:
    product, other = world.product(), world.product()
    once_while(world, "confirm", lambda: world.buy(other))
    second = world.buy(product)
    assert second.state is CheckoutState.PAID
    found = world.history()
    assert {s.product for s in found.subscriptions} == {product.id, other.id}
    assert len(world.charges()) == 2
    assert {s.customer for s in found.subscriptions} == {second.customer}


@pytest.mark.spec("C-4")
def test_a_decline_that_meets_a_first_purchase_is_not_booked_on_its_customer(world: World) -> None:
    product, other = world.product(), world.product()
    once_while(world, "confirm", lambda: world.buy(other))
    declined = world.buy(product, payment_method="pm_card_chargeCustomerFail")
    assert declined.state is CheckoutState.DECLINED
    assert {order.product for order in world.orders()} == {other.id}


@pytest.mark.spec("B-9")
def test_a_card_that_is_removed_while_it_buys_again_is_the_customers_again(world: World) -> None:
    world.buy()

    def removed() -> None:
        (card,) = world.history().methods
        world.store.commit(Change(card, replace(card, removed_at=world.now)))

    once_while(world, "confirm", removed)
    assert world.buy(confirm_repeat=True).state is CheckoutState.PAID
    assert len(world.history().methods) == 1
    assert len(world.charges()) == 2


def stopped(world: World) -> None:
    world.change_merchant(stopped=True)


def switched_off(world: World) -> None:
    world.store.commit(Insert(BillingSwitch(True, "a drill", world.now)))


@pytest.mark.spec("R-3")
@pytest.mark.parametrize("stop", [stopped, switched_off])
@pytest.mark.parametrize("call", ["save_method", "prepare"])
def test_what_is_stopped_after_the_offer_was_read_charges_nothing(
    world: World, stop: Callable[[World], None], call: str
) -> None:
    once_while(world, call, lambda: stop(world))
    with pytest.raises(Refused):
        world.buy()
    assert all(charge["status"] != "succeeded" for charge in world.charges())


@pytest.mark.spec("R-3", "P-11")
@pytest.mark.parametrize("stop", [stopped, switched_off])
def test_a_start_for_nothing_that_broke_off_is_not_sold_once_selling_is_stopped(
    world: World, stop: Callable[[World], None]
) -> None:
    product, form = world.product(FREE), world.submission()

    def breaks_off() -> None:
        raise Unreachable("The gateway did not answer.")

    once_while(world, "save_method", breaks_off)
    with pytest.raises(Unavailable):
        world.submit(product.default_price_point, form)
    stop(world)
    with pytest.raises(Refused):
        world.submit(product.default_price_point, form)
    assert world.store.customer_by_email("acme", form.email) is None


@pytest.mark.spec("C-3", "M-8")
def test_who_was_erased_while_at_their_bank_can_sign_in_to_what_they_bought(world: World) -> None:
    world.buy(world.product(PriceTerms(PriceType.ONE_TIME, Money(4900, Currency.USD))))
    world.work()
    known, product = world.history().customer, world.product(MONTHLY)
    form = world.submission(payment_method="pm_card_authenticationRequired")
    waiting = world.submit(product.default_price_point, form)
    assert known is not None and waiting.invoice.gateway_ref is not None
    with suppress(Refused):
        erase.one(world.ports, "acme", known.id, now=world.now)
    world.sandbox.authenticate(waiting.invoice.gateway_ref, succeeded=True)
    bought = submit.resume(
        world.ports, waiting.price_point, form.attempt_key, now=world.now, return_url="/return"
    )
    assert bought.state is CheckoutState.PAID
    assert world.store.customer_by_email("acme", form.email) == bought.customer
