"""Customers' lives at the checkout: bought once, declined, authenticated, abandoned (C-2, C-4)."""

from __future__ import annotations

import pytest

from billing.checkout.checkouts import CheckoutState
from billing.kernel.errors import Invalid, Refused
from billing.kernel.orders import OrderKind
from billing.kernel.values import replace
from tests.world import START, World


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.spec("C-2")
def test_the_same_key_buys_once_however_often_it_is_sent(world: World) -> None:
    product, form = world.product(), world.submission()
    first = world.submit(product.default_price_point, form)
    again = world.submit(product.default_price_point, form)
    assert again == first
    assert len(world.charges()) == 1
    with pytest.raises(Invalid, match="attempt_key_reused"):
        world.submit(product.default_price_point, replace(form, name="Somebody Else"))


@pytest.mark.spec("C-2")
def test_buying_the_same_thing_again_must_be_confirmed(world: World) -> None:
    product = world.product()
    world.buy(product)
    with pytest.raises(Refused) as refused:
        world.buy(product, email="ANN@example.com ")
    assert refused.value.code == "already_purchased"
    world.buy(product, email="Ann@Example.com", confirm_repeat=True)
    assert len(world.charges()) == 2
    assert len(world.history().subscriptions) == 2


@pytest.mark.spec("C-4")
@pytest.mark.parametrize(
    ("card", "code"),
    [
        ("pm_card_chargeDeclined", "card_declined"),
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("pm_card_chargeCustomerFail", "card_declined"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card"),
    ],
)
def test_a_declined_checkout_creates_nothing_but_a_failed_order(
    world: World, card: str, code: str
) -> None:
    product = world.product()
    form = world.submission(payment_method=card)
    bought = world.submit(product.default_price_point, form)
    assert (bought.state, bought.decline_code) == (CheckoutState.DECLINED, code)
    assert world.store.customer_by_email("acme", "ann@example.com") is None
    page = world.store.orders("acme", since=START, until=world.now.replace(year=2027), limit=9)
    assert [(o.kind, o.customer) for o in page.data] == [(OrderKind.FAILED, None)]
    assert world.submit(product.default_price_point, form) == bought
    assert world.mailer.sent == []


@pytest.mark.spec("C-4", "B-3")
@pytest.mark.parametrize("card", ["pm_card_chargeDeclined", "pm_card_chargeCustomerFail"])
def test_a_decline_under_somebodys_email_is_not_booked_on_them(world: World, card: str) -> None:
    """A form proves no mailbox: whoever typed the email may be a stranger."""
    world.buy()
    bought = world.history()
    declined = world.buy(world.product(name="Other"), payment_method=card, name="Mallory")
    assert declined.state is CheckoutState.DECLINED
    assert world.history() == bought
    page = world.store.orders("acme", since=START, until=world.now.replace(year=2027), limit=9)
    failed = [o for o in page.data if o.kind is OrderKind.FAILED]
    assert [(o.customer, o.email) for o in failed] == [(None, "ann@example.com")]


@pytest.mark.spec("C-4")
@pytest.mark.parametrize("succeeded", [True, False])
def test_three_d_secure_is_finished_once_by_whoever_comes_first(
    world: World, succeeded: bool
) -> None:
    product = world.product()
    form = world.submission(payment_method="pm_card_authenticationRequired")
    waiting = world.submit(product.default_price_point, form)
    assert waiting.state is CheckoutState.OPEN
    assert waiting.action_url is not None
    assert world.charges() == []
    world.sandbox.authenticate(waiting.invoice.gateway_ref or "", succeeded=succeeded)
    done = world.submit(product.default_price_point, form)
    assert done.state is (CheckoutState.PAID if succeeded else CheckoutState.DECLINED)
    assert world.submit(product.default_price_point, form) == done
    assert [c["status"] for c in world.charges()] == ["succeeded" if succeeded else "declined"]


@pytest.mark.spec("C-4")
def test_an_attempt_left_alone_is_withdrawn_at_the_gateway_and_then_abandoned(
    world: World,
) -> None:
    form = world.submission(payment_method="pm_card_authenticationRequired")
    waiting = world.submit(world.product().default_price_point, form)
    world.advance(hours=3)
    left = world.store.checkout("acme", form.attempt_key)
    assert left is not None
    assert left.state is CheckoutState.ABANDONED
    world.sandbox.authenticate(waiting.invoice.gateway_ref or "", succeeded=True)
    assert world.charges() == []


@pytest.mark.spec("R-6", "C-4")
@pytest.mark.parametrize("fault", ["timeout_before", "timeout_after"])
def test_a_checkout_whose_charge_is_unknown_is_settled_by_the_sweep(
    world: World, fault: str
) -> None:
    product, form = world.product(), world.submission()
    gateway = world.ports.gateway(world.merchant.account_at("sandbox"))
    real_confirm = gateway.confirm

    def confirm_badly(*args: object, **kwargs: object) -> object:
        world.sandbox.faults.arm(fault, 1)
        return real_confirm(*args, **kwargs)  # type: ignore[arg-type]

    gateway.confirm = confirm_badly  # type: ignore[method-assign,assignment]
    unknown = world.submit(product.default_price_point, form)
    assert unknown.state is CheckoutState.OPEN
    gateway.confirm = real_confirm  # type: ignore[method-assign]
    world.advance(hours=2)
    settled = world.store.checkout("acme", form.attempt_key)
    assert settled is not None
    charged = fault == "timeout_after"
    assert settled.state is (CheckoutState.PAID if charged else CheckoutState.ABANDONED)
    assert len(world.charges()) == (1 if charged else 0)


@pytest.mark.spec("C-6")
def test_what_the_buyer_agreed_to_is_kept_with_the_purchase(world: World) -> None:
    bought = world.buy()
    (consent,) = world.history().consents
    assert (consent.purchase, consent.ip, consent.agreed_at) == (
        bought.purchase,
        "192.0.2.1",
        START,
    )
    assert consent.price_shown == "$29.99 every month"
    assert consent.shown is not None and consent.shown.total == bought.invoice.total
    assert consent.terms_hash == consent.shown.digest


@pytest.mark.spec("R-1")
def test_two_first_purchases_of_one_email_end_as_one_customer(world: World) -> None:
    product, other = world.product(), world.product()
    form = world.submission(payment_method="pm_card_authenticationRequired")
    waiting = world.submit(product.default_price_point, form)
    world.buy(other)
    world.sandbox.authenticate(waiting.invoice.gateway_ref or "", succeeded=True)
    world.submit(product.default_price_point, form)
    assert len(world.history().subscriptions) == 2
