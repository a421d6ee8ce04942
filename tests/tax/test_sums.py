"""The sums of sales and taxes: invoices with one rate twice (C-7)."""

from __future__ import annotations

from datetime import date

import pytest

from billing.kernel.money import Currency, Money
from billing.kernel.values import replace
from billing.kernel.writes import Change
from billing.tax.flows import sums
from billing.tax.rates import DatedRate, Place
from tests.plans.changing import bought, change
from tests.tax.taxing import LOS_ANGELES, booked, collecting
from tests.world import MONTHLY, World

GOLD = replace(MONTHLY, price=Money(5998, Currency.USD))


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
