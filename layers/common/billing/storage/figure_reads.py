"""Reads of a merchant's figures."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from billing.storage import figure_keys
from billing.storage.items import Items

if TYPE_CHECKING:
    from billing.figures.closing import ClosedDays
    from billing.figures.month_totals import CountedMonth, MonthTotals, Scope
    from billing.figures.movements import CustomerFigures, Movement
    from billing.figures.sums import FigureBook, FigureSums


class FigureReads:
    """The questions of the Store port about one merchant's figures."""

    _items: Items

    def figure_books(self, merchants: Sequence[str]) -> list[FigureBook | None]:
        """Batch get of M#<merchant>#FIGURES BOOK."""
        return self._items.get_many([figure_keys.book(each) for each in merchants])

    def customer_figures(self, merchant: str, customer: str) -> CustomerFigures | None:
        """Get M#<merchant>#FIGURES CUSTOMER#<customer>."""
        return self._items.get(figure_keys.customer(merchant, customer))

    def figures_of_customers(
        self, merchant: str, *, limit: int, after: str | None = None
    ) -> list[CustomerFigures]:
        """Query M#<merchant>#FIGURES CUSTOMER#*, in order, behind a customer."""
        found = self._items.query(figure_keys.customers(merchant, after), limit=limit + 1)
        return [each for each in found if each.customer != after][:limit]

    def figure_sums(self, sums: Sequence[FigureSums]) -> list[FigureSums | None]:
        """Batch get of M#<merchant>#FIGURES (PRODUCT#<product>#){DAY,MONTH}#<mode>#<span>#*."""
        return self._items.get_many([figure_keys.sums(each) for each in sums])

    def figure_spans(
        self,
        merchant: str,
        since: str,
        until: str,
        *,
        product: str = "",
        test: bool = False,
        series: str = "",
    ) -> list[FigureSums]:
        """Query M#<merchant>#FIGURES (PRODUCT#<id>#){DAY,MONTH,<row>}#<mode>#<since> to <until>."""
        return self._items.query(
            figure_keys.spans(merchant, since, until, product, series, test=test)
        )

    def closed_days(
        self, merchant: str, since: str, until: str, *, test: bool = False
    ) -> list[ClosedDays]:
        """Query M#<merchant>#FIGURES CLOSED#<mode>#<since> to <until>."""
        return self._items.query(figure_keys.closed_between(merchant, since, until, test=test))

    def counted_months(
        self, merchant: str, since: str, until: str, *, test: bool = False
    ) -> list[CountedMonth]:
        """Query M#<merchant>#FIGURES COUNTED#<mode>#<since> to <until>."""
        return self._items.query(figure_keys.counted_between(merchant, since, until, test=test))

    def counted(self, months: Sequence[CountedMonth]) -> list[CountedMonth | None]:
        """Batch get of M#<merchant>#FIGURES COUNTED#<mode>#<month>."""
        return self._items.get_many([figure_keys.counted(each) for each in months])

    def month_totals(
        self, merchant: str, since: str, until: str, scope: Scope, series: str, *, test: bool
    ) -> list[MonthTotals]:
        """Query M#<merchant>#FIGURES TOTALS#<mode>#<row>#<product>#<country>#<since> to <until>."""
        return self._items.query(
            figure_keys.totals_between(merchant, since, until, scope, series, test=test)
        )

    def same_totals(self, totals: Sequence[MonthTotals]) -> list[MonthTotals | None]:
        """Batch get of M#<merchant>#FIGURES TOTALS#<mode>#<row>#<product>#<country>#<month>."""
        return self._items.get_many([figure_keys.totals(each) for each in totals])

    def movements(
        self,
        merchant: str,
        since: date,
        until: date,
        *,
        limit: int,
        after: Movement | None = None,
        test: bool = False,
    ) -> list[Movement]:
        """Query M#<merchant>#FIGURES MOVE#<mode>#<since> to <until>."""
        partition = figure_keys.movements(merchant, since, until, test=test)
        if after is None:
            return self._items.query(partition, limit=limit)
        low = figure_keys.movement(after).sk
        behind = partition._replace(between=partition.between._replace(low=low))
        found = self._items.query(behind, limit=limit + 1)
        return [each for each in found if each.id != after.id][:limit]
