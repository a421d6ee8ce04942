"""The sums of sales and taxes: invoices with one rate twice, and thresholds of nexus (C-7)."""

from __future__ import annotations

from datetime import date

import pytest

from billing.kernel.customers import Address
from billing.kernel.gateways import Capabilities
from billing.kernel.money import Currency, Money
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.tax.flows import setup, sums
from billing.tax.rates import DatedRate, Place
from billing.tax.registrations import Nexus, Registration
from tests.plans.changing import bought, change
from tests.tax.taxing import LOS_ANGELES, booked, collecting
from tests.world import MONTHLY, START, World

GOLD = replace(MONTHLY, price=Money(5998, Currency.USD))
TORONTO = Address("1 King Street", "Toronto", "CA", postal_code="M5H 1A1", state="ON")
CALGARY = Address("1 Centre Street", "Calgary", "CA", postal_code="T2E 2P5", state="AB")
NEW_YORK = Address("1 Broadway", "New York", "US", postal_code="10004", state="NY")


@pytest.mark.spec("C-7", "C-10")
def test_the_report_has_a_payment_whose_credit_was_taxed_before_another_rate_came() -> None:
    world = collecting(World())
    product = bought(world, GOLD, MONTHLY, address=LOS_ANGELES)
    change(world, product.price_points[1])  # what is unused of the old plan is credit
    (city,) = world.store.tax_places("acme", 1, [Place("US", "CA", "90012")])
    assert city is not None
    world.store.commit(Change(city, city.with_rate(DatedRate("Transit", 10_000))))
    world.advance(days=20)
    assert [line.text for line in world.history().invoices[-1].lines].count("California") == 2
    rows = sums.report(world.ports, world.merchant, date(2026, 1, 1), date(2026, 12, 31))
    assert [(row.name, row.orders) for row in rows] == [
        ("California", 2),
        ("Los Angeles", 2),
        ("Los Angeles County", 2),
        ("Transit", 1),
    ]
    assert sum(row.tax_minor for row in rows) == booked(world)["liabilities:tax:US-CA"]


def selling(country: str, state: str | None) -> World:
    """A world that sells for real money, its merchant registered by a threshold of two orders."""
    world = World()
    world.sandbox.capabilities = Capabilities(50)
    wanted = Registration("", country, state, Nexus.THRESHOLD, orders=2)
    setup.register(world.ports, world.merchant, wanted, now=START)
    found = world.store.merchant("acme")
    assert found is not None
    world.merchant = found
    return world


def begun(world: World) -> date | None:
    kept = world.store.tax_setup("acme")
    assert kept is not None
    (registration,) = kept.registrations
    return registration.began_on


@pytest.mark.spec("C-7")
@pytest.mark.parametrize(
    ("where", "addresses"),
    [
        (("US", "NY"), (NEW_YORK, NEW_YORK)),
        (("CA", None), (TORONTO, CALGARY)),
    ],
)
def test_a_threshold_begins_by_the_sales_to_all_of_its_place(
    where: tuple[str, str | None], addresses: tuple[Address, Address]
) -> None:
    world = selling(*where)
    product = world.product()
    for number, address in enumerate(addresses):
        assert begun(world) is None
        world.buy(product, email=f"buyer{number}@example.com", address=address)
        world.work()
    assert begun(world) == date(2026, 2, 1)  # the day after
