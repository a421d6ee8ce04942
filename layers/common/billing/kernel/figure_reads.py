"""The part of the storage port about a merchant's figures."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from billing.figures.closing import ClosedDays
    from billing.figures.month_totals import CountedMonth, MonthTotals, Scope
    from billing.figures.movements import CustomerFigures, Movement
    from billing.figures.sums import FigureBook, FigureSums


class FigureParts(Protocol):
    """The questions about sums and movements of figures; `Store` has them too."""

    def figure_books(self, merchants: Sequence[str]) -> list[FigureBook | None]:
        """The time from which these merchants have figures, and the zones of their days."""
        ...

    def customer_figures(self, merchant: str, customer: str) -> CustomerFigures | None: ...
    def figures_of_customers(
        self, merchant: str, *, limit: int, after: str | None = None
    ) -> list[CustomerFigures]:
        """Those of a merchant's customers, in order, behind one."""
        ...

    def figure_sums(self, sums: Sequence[FigureSums]) -> list[FigureSums | None]:
        """The stored sums of the same places as these."""
        ...

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
        """The sums of the days or months from `since` to `until`, both included, of all shards and
        currencies; those of one product by its countries. Or those rows of a series."""
        ...

    def closed_days(
        self, merchant: str, since: str, until: str, *, test: bool = False
    ) -> list[ClosedDays]:
        """The days of the months from `since` to `until`, both included, that were told."""
        ...

    def counted_months(
        self, merchant: str, since: str, until: str, *, test: bool = False
    ) -> list[CountedMonth]:
        """The months from `since` to `until`, both included, that have totals, or had them."""
        ...

    def counted(self, months: Sequence[CountedMonth]) -> list[CountedMonth | None]:
        """The stored ones of the same months as these."""
        ...

    def month_totals(
        self, merchant: str, since: str, until: str, scope: Scope, series: str, *, test: bool
    ) -> list[MonthTotals]:
        """The totals of a scope in the months from `since` to `until`, both included."""
        ...

    def same_totals(self, totals: Sequence[MonthTotals]) -> list[MonthTotals | None]:
        """The stored totals of the same places as these."""
        ...

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
        """The movements of the days from `since` to `until`, both included, oldest first."""
        ...
