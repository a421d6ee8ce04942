"""Reads what a part of a merchant's figures comes to month by month (M-10).

A month that is counted is one item, with the days after the last one that was counted beside it.
All others, such as those of before there were totals, are read by their months and days.
"""

from __future__ import annotations

from billing.catalog.flows import product_lists
from billing.figures import month_totals
from billing.figures.month_totals import Scope
from billing.figures.periods import FIRST_MONTH, Filter
from billing.figures.sums import FigureSums
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.values import Value

LAST_DAY = "31"


class MonthRows(Value):
    """Rows of months and of their days: those with what moved, and those with what was sold."""

    moved: list[FigureSums]
    sold: list[FigureSums]


def of(ports: Ports, merchant: Merchant, wanted: Filter, first: str, last: str) -> MonthRows:
    """Returns what moved in all months up to the last one, and what was sold from the first on."""
    found = ports.store.counted_months(merchant.id, FIRST_MONTH, last, test=wanted.test)
    counted = {each.month: each.through for each in found if each.through}
    both: list[FigureSums] = []
    for each in ports.store.month_totals(
        *(merchant.id, FIRST_MONTH, last, _scope(wanted), ""), test=wanted.test
    ):
        if each.month in counted:
            both += each.rows()
            # The totals are written one after the other, and the month after all of them.
            counted[each.month] = max(counted[each.month], each.through)
    for month, through in counted.items():
        if through < month_totals.last_day(month):
            days = month_totals.day_after(through), month_totals.last_day(month)
            both += rows(ports, merchant, wanted, *days)
    moved, sold = list(both), list(both)
    for begin, end in month_totals.uncounted(counted, FIRST_MONTH, last):
        moved += rows(ports, merchant, wanted, begin, end)
        if end >= first:
            days = f"{max(begin, first)}-01", f"{end}-{LAST_DAY}"
            sold += rows(ports, merchant, wanted, *days)
    return MonthRows(moved, sold)


def of_series(
    ports: Ports, merchant: Merchant, wanted: Filter, series: str, first: str, last: str
) -> list[FigureSums]:
    """Returns the rows of a series from one month to another, both included."""
    found = ports.store.counted_months(merchant.id, first, last, test=wanted.test)
    counted = {each.month for each in found if each.is_whole}
    kept: list[FigureSums] = []
    if counted:
        for each in ports.store.month_totals(
            *(merchant.id, first, last, _scope(wanted), series), test=wanted.test
        ):
            kept += each.rows() if each.month in counted else ()
    for begin, end in month_totals.uncounted(counted, first, last):
        kept += rows(ports, merchant, wanted, begin, end, series)
    return kept


def rows(
    ports: Ports, merchant: Merchant, wanted: Filter, since: str, until: str, series: str = ""
) -> list[FigureSums]:
    """Returns the rows of all, of a product, or of a country: those of each product.

    Where all have none, no product is asked for its own: what moves from one to another in a
    country, and is in no sum of all, comes to nothing there.
    """

    def of_product(product: str) -> list[FigureSums]:
        return ports.store.figure_spans(
            *(merchant.id, since, until), product=product, test=wanted.test, series=series
        )

    found = of_product(wanted.product)
    if not found or not wanted.country or wanted.product:
        return found
    return [row for each in product_lists.ids(ports, merchant) for row in of_product(each)]


def _scope(wanted: Filter) -> Scope:
    return Scope(wanted.product, wanted.country)
