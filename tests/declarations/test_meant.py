"""A declaration is about the purchase that it names, and about no other (X-10)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from billing.cancel.regions.rules import Duty
from billing.declarations.declarations import DeclarationState, Declared, Kind, Verification
from billing.declarations.flows import decide, receive
from billing.declarations.flows.receive import Sender
from billing.kernel.catalog import PriceTerms, PriceType
from billing.kernel.money import Currency, Money
from billing.kernel.subscription import State, Subscription
from tests.declarations.hall import BERLIN, DELAYED, Hall
from tests.world import World

SEPTEMBER = datetime(2026, 9, 1, 15, 0, tzinfo=UTC)
ONCE = PriceTerms(PriceType.ONE_TIME, Money(5000, Currency.USD))
OTHER = "ann.other@example.com"


@pytest.fixture
def hall() -> Hall:
    return Hall(World(SEPTEMBER))


def withdraw(hall: Hall, contract: str, customer: str) -> None:
    """From a signed-in portal, whose form asks for the contract in words."""
    receive.receive(
        hall.world.ports,
        hall.world.merchant,
        Duty.WITHDRAWAL,
        Declared(Kind.WITHDRAWAL, "Ann", "ann@example.com", contract),
        Sender("192.0.2.1", "DE", "de", customer=customer),
        key="attempt-meant",
        now=hall.world.now,
    )
    hall.tick()


def other(hall: Hall) -> tuple[Subscription, str]:
    """A purchase of the same person under another email, and its Order ID."""
    product = hall.world.product(DELAYED, name="Academy")
    bought = hall.world.buy(product, address=BERLIN, email=OTHER)
    hall.world.work()
    return hall.world.subscription(OTHER), bought.invoice.order_id


@pytest.mark.spec("X-10", "B-2")
def test_an_order_id_of_another_email_counts_where_somebody_is_signed_in(hall: Hall) -> None:
    hall.buy()
    before = hall.subscription
    bought, order = other(hall)
    withdraw(hall, order, before.customer)
    found = hall.declaration
    assert (found.verification, found.about) == (Verification.ORDER_ID, (bought.id,))
    assert found.refunded == (order,)
    assert hall.subscription == before
    assert hall.world.subscription(OTHER).state is State.CANCELLED


@pytest.mark.spec("X-10")
def test_a_product_whose_name_begins_with_that_of_another_is_not_the_other(hall: Hall) -> None:
    hall.buy()
    hall.world.buy(hall.world.product(ONCE, name="Course notes"), address=BERLIN)
    hall.world.work()
    before = hall.subscription
    assert before.product_name == "Course"
    withdraw(hall, "my course notes", before.customer)
    assert (hall.declaration.state, hall.declaration.why) == (
        DeclarationState.AGENT,
        "nothing_runs",
    )
    assert hall.subscription == before
    assert [c["refunded"] for c in hall.world.charges()] == [0, 0]


@pytest.mark.spec("X-10")
def test_both_products_are_meant_where_both_are_named(hall: Hall) -> None:
    hall.buy()
    hall.world.buy(hall.world.product(ONCE, name="Course notes"), address=BERLIN)
    hall.world.work()
    withdraw(hall, "Course notes, and the course", hall.subscription.customer)
    assert hall.subscription.state is State.CANCELLED


@pytest.mark.spec("X-10")
def test_a_person_may_find_that_it_was_about_the_first_customer_after_all(hall: Hall) -> None:
    hall.buy()
    bought, _ = other(hall)
    hall.declare()
    hall.tick()
    ports = hall.world.ports
    once = decide.approve(ports, hall.declaration, bought.id, by="agent", now=hall.world.now)
    again = decide.approve(ports, once, hall.subscription.id, by="agent", now=hall.world.now)
    assert again.customer == hall.subscription.customer
    hall.tick()
    assert hall.subscription.state is State.CANCEL_PENDING
    assert hall.world.subscription(OTHER).state is State.ACTIVE
