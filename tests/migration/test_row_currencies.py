"""A row is charged in the currency that it names, or not imported (M-6)."""

from __future__ import annotations

import pytest

from tests.migration.files import ROW, reasons, selling, table
from tests.web.shop import Shop

pytestmark = pytest.mark.spec("M-6")


@pytest.mark.parametrize("credit", ["", "10.00"])
def test_a_row_that_names_a_price_point_in_another_currency_is_blocked(credit: str) -> None:
    """Without a price of its own, as Chargebee's, it would be charged as many dollars as euros."""
    shop: Shop = selling()
    point = shop.world.store.catalog("acme")[0][0].default_price_point
    row = {**ROW, "price": "", "period": "", "price_point": point, "credit": credit}
    assert reasons(shop, table(row)) == [[]]
    assert reasons(shop, table({**row, "currency": "EUR"})) == [["price_point_differs"]]
