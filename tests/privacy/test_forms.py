"""Forms of people who bought nothing in the end: kept for a month, then erased (M-8)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from billing.checkout import checkout_steps
from billing.checkout.checkout_steps import ERASED_AFTER
from billing.checkout.checkouts import Checkout, CheckoutState
from billing.checkout.flows.submit import Submission
from billing.kernel.customers import ERASED
from billing.kernel.orders import Order
from billing.kernel.subscription import When
from billing.kernel.values import replace
from billing.privacy.flows import erase
from billing.storage.dynamo import writes as dynamo_writes
from tests.gateway_events.test_orphan_payments import charged_after_all, events_of, take
from tests.privacy.test_erasing import Remembering
from tests.world import World

pytestmark = pytest.mark.spec("M-8")

CARDS = {
    CheckoutState.ABANDONED: "pm_card_authenticationRequired",
    CheckoutState.DECLINED: "pm_card_chargeCustomerFail",
}


@pytest.fixture
def world() -> World:
    world = World(limits=False)
    world.sandbox = gateway = Remembering(lambda: world.now)
    world.ports = replace(world.ports, gateway=lambda account: gateway)
    return world


def unbought(world: World, state: CheckoutState) -> tuple[Submission, Checkout]:
    """An attempt that came to nothing."""
    form = world.submission(payment_method=CARDS[state])
    world.submit(world.product().default_price_point, form)
    world.advance(hours=2)
    return form, stands(world, form, state)


def stands(world: World, form: Submission, state: CheckoutState) -> Checkout:
    found = world.store.checkout("acme", form.attempt_key)
    assert found is not None and found.state is state
    return found


def forgotten(world: World) -> list[str]:
    assert isinstance(world.sandbox, Remembering)
    return world.sandbox.forgotten


def personal(found: Checkout) -> list[str]:
    words = ("ann", "Ann Example", "1 Main", "Springfield", "192.0.2.1", "pm_card", "4242")
    return [word for word in words if word in repr(found)]


@pytest.mark.parametrize("state", CARDS)
def test_a_form_is_erased_a_month_on_with_its_card_and_its_key_answers_as_before(
    world: World, state: CheckoutState
) -> None:
    form, attempt = unbought(world, state)
    assert attempt.method is not None and attempt.due_at == attempt.created_at + ERASED_AFTER
    world.advance(to=attempt.due_at - timedelta(minutes=2))
    assert stands(world, form, state) == attempt
    assert forgotten(world) == []
    world.advance(minutes=5)
    left = stands(world, form, state)
    assert personal(attempt) and personal(left) == []
    assert (left.bill_to.name, left.due_at) == (ERASED, None)
    assert left.bill_to.address.country == "US"
    assert forgotten(world) == [attempt.method.id]
    again = world.submit(attempt.price_point, form)
    assert (again.state, again.decline_code) == (state, attempt.decline_code)
    world.advance(days=400)
    assert forgotten(world) == [attempt.method.id], "it rings once"


def test_a_gateway_that_does_not_let_the_card_go_is_asked_again(world: World) -> None:
    form, attempt = unbought(world, CheckoutState.ABANDONED)
    assert isinstance(world.sandbox, Remembering)
    world.sandbox.within_reach = False
    world.advance(to=attempt.created_at + ERASED_AFTER + timedelta(minutes=2))
    still = stands(world, form, attempt.state)
    assert still.method == attempt.method, "what is not let go is still known"
    assert still.due_at is not None and still.due_at > world.now + timedelta(hours=23)
    world.sandbox.within_reach = True
    world.advance(days=1)
    assert personal(stands(world, form, attempt.state)) == []


def test_a_card_that_its_buyer_keeps_stays_with_the_gateway(world: World) -> None:
    form, attempt = unbought(world, CheckoutState.ABANDONED)
    charged_after_all(world, str(attempt.invoice.gateway_ref))
    assert take(world, events_of(world)[-1]) == "paid_too_late"
    world.advance(days=31)
    assert personal(stands(world, form, attempt.state)) == []
    (kept,) = world.history().methods
    assert attempt.method is not None and kept.id == attempt.method.id
    assert forgotten(world) == []


@pytest.mark.spec("M-8", "C-4")
def test_the_failed_order_of_a_form_that_is_erased_names_nobody_either(world: World) -> None:
    world.buy()
    _, attempt = unbought(world, CheckoutState.DECLINED)

    def failed() -> Order:
        found = world.store.order_by_id("acme", attempt.invoice.failed_order_id or "")
        assert found is not None
        return found

    assert failed().email == "ann@example.com"
    world.advance(to=attempt.created_at + ERASED_AFTER + timedelta(minutes=5))
    assert failed().email is None
    assert {order.email for order in world.orders()} == {"ann@example.com"}


def test_who_asks_to_be_erased_need_not_wait_for_what_was_booked_on_them(world: World) -> None:
    world.buy()
    form, attempt = unbought(world, CheckoutState.DECLINED)
    world.book_on_customer(attempt.key)
    world.cancel(When.NOW)
    world.advance(minutes=20)
    (card,) = world.history().methods
    erase.one(world.ports, "acme", world.subscription().customer, now=world.now)
    left = stands(world, form, CheckoutState.DECLINED)
    assert (personal(left), left.due_at) == ([], None)
    assert attempt.method is not None
    assert forgotten(world) == [card.id, attempt.method.id]


def test_who_gave_the_name_that_erased_ones_have_is_erased_all_the_same(world: World) -> None:
    world.buy(name=ERASED)
    world.cancel(When.NOW)
    form = world.submission(
        name=ERASED, confirm_repeat=True, payment_method="pm_card_chargeDeclined"
    )
    world.submit(world.product().default_price_point, form)
    world.book_on_customer(form.attempt_key)
    world.advance(minutes=20)
    (card,) = world.history().methods
    customer = world.subscription().customer
    erase.one(world.ports, "acme", customer, now=world.now)
    assert world.store.customer_by_email("acme", "ann@example.com") is None
    left = world.store.history("acme", customer)
    assert left.customer is not None and left.customer.email == ERASED and left.methods == ()
    assert card.id in forgotten(world)
    assert personal(stands(world, form, CheckoutState.DECLINED)) == []


def test_a_purchase_is_never_forgotten_by_itself(world: World) -> None:
    bought = world.buy()
    assert (bought.state, bought.due_at) == (CheckoutState.PAID, None)
    world.advance(to=datetime.max.replace(year=world.now.year + 1, tzinfo=world.now.tzinfo))
    assert world.store.checkout("acme", bought.key) == bought


@pytest.mark.spec("M-8")
def test_what_a_form_is_erased_by_is_no_longer_than_dynamodb_takes(world: World) -> None:
    """Its consent holds all that was shown: a condition on each part of it was refused."""
    declined = world.buy(payment_method="pm_card_chargeDeclined")
    _, writes = checkout_steps.forget(declined)
    for write in writes:
        _, request = dynamo_writes.action(write, "core", "op")
        assert len(request["ConditionExpression"]) <= dynamo_writes.EXPRESSION_MOST * 0.95
