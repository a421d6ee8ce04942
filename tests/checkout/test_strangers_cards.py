"""A purchase under a customer's email adds nothing to what pays for their other purchases (B-3)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import stripe

from billing.cards.flows import cards
from billing.checkout.checkouts import CheckoutState
from billing.kernel.errors import Refused
from billing.kernel.gateways import AccountRef
from billing.kernel.values import replace
from tests.gateways.benches import NOW, stripe_on_loopback
from tests.portal.test_purchases import ONCE
from tests.world import World

DECLINED = "pm_card_chargeCustomerFail"
"""A card that is saved, and then refused."""


@pytest.fixture
def world() -> Iterator[World]:
    """A world whose gateway is Stripe's stand-in."""
    with stripe_on_loopback() as bench:
        world = World(NOW)
        world.ports = replace(world.ports, gateway=lambda account: bench.gateway)
        yield world


def kept_at_stripe(world: World, card: str) -> set[str]:
    """Lists the cards that Stripe keeps with the customer of a card."""
    customer, _, _ = card.partition(":")
    gateway: Any = world.ports.gateway(AccountRef("acme", "stripe", "acct_1_test"))
    listed = gateway._stripe.ask(
        lambda client: client.v1.payment_methods.list({"customer": customer, "type": "card"})
    )
    assert isinstance(listed, stripe.ListObject)
    return {f"{customer}:{each.id}" for each in listed.data}


@pytest.mark.spec("B-3", "B-9")
@pytest.mark.parametrize(
    ("token", "ends"),
    [(DECLINED, CheckoutState.DECLINED), ("pm_card_mastercard", CheckoutState.PAID)],
)
def test_a_card_given_under_a_customers_email_is_not_kept_with_theirs_at_the_gateway(
    world: World, token: str, ends: CheckoutState
) -> None:
    world.buy()
    (own,) = world.history().methods
    attempt = world.buy(name="A Stranger", payment_method=token)
    assert attempt.state is ends
    assert kept_at_stripe(world, own.id) == {own.id}


def of_two_buyers() -> tuple[World, str, str]:
    """Ann's subscription, and one that was bought under her email with another card."""
    world = World()
    world.buy()
    world.now += timedelta(minutes=1)
    world.buy(world.product(), name="A Stranger", payment_method="pm_card_mastercard")
    own, given = world.history().methods
    return world, own.id, given.id


@pytest.mark.spec("B-3", "B-9")
def test_what_a_customer_pays_for_is_never_handed_to_a_card_given_under_their_email() -> None:
    world, own, given = of_two_buyers()
    customer = world.history().customer
    assert customer is not None and customer.default_method == own
    with pytest.raises(Refused, match="last_card"):
        cards.remove(world.ports, "acme", customer.id, own, now=world.now)
    assert [s.payment_method for s in world.history().subscriptions] == [own, given]


@pytest.mark.spec("B-3", "B-9")
def test_no_such_card_becomes_the_default_by_itself() -> None:
    world = World()
    world.buy(world.product(ONCE))
    world.now += timedelta(minutes=1)
    world.buy(world.product(), name="A Stranger", payment_method="pm_card_mastercard")
    own, given = world.history().methods
    cards.remove(world.ports, "acme", own.customer, own.id, now=world.now)
    history = world.history()
    assert [m.id for m in history.methods] == [given.id]
    assert history.customer is not None and history.customer.default_method is None


@pytest.mark.spec("B-9", "B-10")
def test_its_customer_may_choose_such_a_card_for_all_that_they_pay_for() -> None:
    world, own, given = of_two_buyers()
    customer = world.history().subscriptions[0].customer
    cards.use(world.ports, "acme", customer, given, now=world.now)
    cards.remove(world.ports, "acme", customer, own, now=world.now)
    assert {s.payment_method for s in world.history().subscriptions} == {given}


@pytest.mark.spec("B-9")
def test_a_card_that_the_customer_added_takes_over_from_one_that_is_removed() -> None:
    world, own, given = of_two_buyers()
    customer = world.history().subscriptions[0].customer
    world.now += timedelta(minutes=1)
    added = cards.add(
        world.ports,
        "acme",
        customer,
        account=AccountRef("acme", "sandbox", "sandbox"),
        token="pm_card_authenticationRequired",
        attempt_key="attempt-1",
        covered=(),
        default=False,
        now=world.now,
    )
    assert added is None
    cards.remove(world.ports, "acme", customer, own, now=world.now)
    first, second = world.history().subscriptions
    assert second.payment_method == given
    assert first.payment_method not in {own, given}
