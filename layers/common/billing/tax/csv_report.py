"""The report of taxes as CSV."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from billing.kernel.csv_lines import guarded, line
from billing.kernel.money import Money
from billing.tax.rates import decimal_of
from billing.tax.sums import ReportRow

COLUMNS = ("country", "state", "name", "rate", "currency", "taxable", "tax", "orders", "test")


def written(rows: Iterable[ReportRow]) -> Iterator[str]:
    """Yields a report line by line; amounts in units of their currency: 29.99."""
    yield line(COLUMNS)
    for row in rows:
        amounts = (_amount(row, row.taxable_minor), _amount(row, row.tax_minor))
        name, rate = guarded(row.name), decimal_of(row.ppm)
        place = (row.country, row.state or "", name, rate, row.currency.value)
        yield line((*place, *amounts, str(row.orders), "true" if row.test else ""))


def _amount(row: ReportRow, minor: int) -> str:
    text = Money(abs(minor), row.currency).decimal
    return text if minor >= 0 else f"-{text}"
