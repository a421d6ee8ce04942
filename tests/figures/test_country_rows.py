"""Rows behind figures of one country: orders by the country of their invoice (M-10)."""

from __future__ import annotations

import pytest

from billing.figures.flows import read
from billing.figures.periods import Filter
from billing.kernel.customers import Address
from tests.figures.watched import Watched

AUSTRIA = Address(line1="Ring 1", city="Wien", postal_code="1010", country="AT")


@pytest.mark.spec("M-10")
def test_orders_behind_a_figure_are_those_of_the_country_that_was_chosen() -> None:
    world = Watched()
    product = world.product()
    world.buy(product)
    world.buy(product, email="ben@example.com", address=AUSTRIA)
    world.observe()

    def rows(country: str) -> list[str | None]:
        found = read.rows_behind(
            *(world.ports, world.merchant, "revenue", "2026-01"),
            wanted=Filter("USD", country=country, test=True),
            limit=10,
            cursor=None,
        )
        return [order.email for order in found.orders]

    assert rows("AT") == ["ben@example.com"]
    assert rows("US") == ["ann@example.com"]
    assert rows("DE") == []
    assert len(rows("")) == 2
