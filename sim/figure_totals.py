"""Totals of months in the simulator: counted between any two batches of the stream (31, M-10).

What is shown with them must be what the sums of days and months give alone, whatever came after a
month was counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from billing.figures import periods
from billing.figures.flows import books, count_months, read
from billing.figures.periods import FIRST_MONTH, Filter, Length
from billing.figures.sums import MONTH_LENGTH, FigureSums
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from sim.invariants import Violation

NIGHTS = 4


def count(ports: Ports, merchants: Iterable[str]) -> None:
    """Counts some months of each merchant, as one night does."""
    for merchant in merchants:
        seller, (book,) = ports.store.merchant(merchant), ports.store.figure_books([merchant])
        if seller is not None and book is not None:
            count_months.count_some(ports, seller, book, ports.clock(), lambda: True)


def agree(ports: Ports, seller: Merchant, rows: Sequence[FigureSums]) -> None:
    """Checks what is shown with the totals that there are, and once more have been counted."""
    if not rows:
        return
    months = sorted({row.span[:MONTH_LENGTH] for row in rows})
    _same(ports, seller, rows, months[0], months[-1])
    book = books.of(ports, [seller.id], now=ports.clock())[seller.id]
    for _ in range(NIGHTS):
        count_months.count_some(ports, seller, book, ports.clock(), lambda: True)
    _same(ports, seller, rows, months[0], months[-1])


def _same(
    ports: Ports, seller: Merchant, rows: Sequence[FigureSums], first: str, last: str
) -> None:
    names = periods.months_between(first, last)
    for wanted in _filters(rows):
        mine = [row for row in rows if _is_of(wanted, row)]
        moved = [row for row in mine if len(row.span) == MONTH_LENGTH]
        sold = [row for row in mine if len(row.span) > MONTH_LENGTH]
        before = [row for row in moved if FIRST_MONTH <= row.span < first]
        expected = periods.computed(wanted, names, before, moved, sold)
        shown = read.figures(ports, seller, wanted, first, last, Length.MONTH)
        for one, other in zip(expected, shown, strict=True):
            if one != other:
                raise Violation("31", f"{seller.id}: {wanted} shows {other}, not {one}")


def _filters(rows: Sequence[FigureSums]) -> list[Filter]:
    """Returns all, one product, one country, and one product in one country, of each kind of
    money."""
    found = []
    for currency, test in sorted({(row.currency.value, row.test) for row in rows}):
        places = sorted(
            {
                (row.product, row.country)
                for row in rows
                if row.product and row.currency.value == currency and row.test is test
            }
        )
        parts = {(0, 0), *((a, b) for a in (0, 1) for b in (0, 1) if places)}
        for of_product, of_country in sorted(parts):
            product, country = places[-1] if places else ("", "")
            found.append(
                Filter(
                    *(currency, product if of_product else "", country if of_country else ""),
                    test=test,
                )
            )
    return found


def _is_of(wanted: Filter, row: FigureSums) -> bool:
    takes = wanted.takes(row) and row.test is wanted.test
    return takes and bool(row.product) is not wanted.is_of_all
