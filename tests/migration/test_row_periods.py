"""Rows of each period that a price may have (M-6, P-5)."""

from __future__ import annotations

import pytest

from billing.kernel.catalog import PriceTerms, PriceType
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Period
from tests.migration.files import ROW, rows, selling, sent, table

pytestmark = pytest.mark.spec("M-6")

NEXT_DATES = {
    Period.WEEKLY: "2026-02-06",
    Period.EVERY_2_WEEKS: "2026-02-13",
    **dict.fromkeys(list(Period)[2:], "2026-03-01"),
}
"""A next date that is in the schedule of a start on 2024-03-01."""


@pytest.mark.parametrize("period", list(Period))
def test_a_row_of_any_period_keeps_the_schedule_of_its_start(period: Period) -> None:
    shop = selling()
    shop.world.product(PriceTerms(PriceType.RECURRING, Money(5000, Currency.USD), period))
    row = {**ROW, "price": "50.00", "period": period.value, "started_at": "2024-03-01T15:00:00Z"}
    found = sent(shop, table({**row, "next_charge_at": f"{NEXT_DATES[period]}T15:00:00Z"}))
    (only,) = rows(shop, found["id"])
    assert (found["ok"], only["problems"]) == (1, [])
