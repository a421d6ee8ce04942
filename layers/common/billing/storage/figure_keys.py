"""Keys of a merchant's figures: sums, movements, and what each customer adds."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from billing.storage.addresses import Key, Partition, SortKeyRange, stamp

if TYPE_CHECKING:
    from billing.figures.closing import ClosedDays
    from billing.figures.month_totals import CountedMonth, MonthTotals, Scope
    from billing.figures.movements import CustomerFigures, Movement
    from billing.figures.sums import FigureBook, FigureSums

DAY_LENGTH = len("2026-01-31")


def book(merchant: str) -> Key[FigureBook]:
    return Key(_figures_of(merchant), "BOOK")


def customer(merchant: str, of: str) -> Key[CustomerFigures]:
    return Key(_figures_of(merchant), f"CUSTOMER#{of}")


def customers(merchant: str, after: str | None) -> Partition[CustomerFigures]:
    """Returns where the figures of customers are, behind one, which is included."""
    low, high = SortKeyRange.of("CUSTOMER#")
    return Partition(_figures_of(merchant), SortKeyRange(low + (after or ""), high))


def sums(of: FigureSums) -> Key[FigureSums]:
    rest = f"{of.currency}#{of.shard}"
    if of.product:
        rest = f"{of.country}#{rest}"
    if of.series:
        rest = f"{of.cohort}#{of.label}#{rest}"
    row = _row(of.product, of.test, of.span, of.series)
    return Key(_figures_of(of.merchant), f"{row}{of.span}#{rest}")


def spans(
    merchant: str, since: str, until: str, product: str, series: str, *, test: bool
) -> Partition[FigureSums]:
    """Returns where the sums of days or months are, from `since` to `until`, both included."""
    row = _row(product, test, since, series)
    between = SortKeyRange(f"{row}{since}", f"{row}{until}#\U0010ffff")
    return Partition(_figures_of(merchant), between)


def movement(of: Movement) -> Key[Movement]:
    return Key(_figures_of(of.merchant), f"{_move(of.test)}{of.day}#{stamp(of.at)}#{of.id}")


def movements(merchant: str, since: date, until: date, *, test: bool) -> Partition[Movement]:
    """Returns where the movements of days are, from `since` to `until`, both included."""
    prefix = _move(test)
    between = SortKeyRange(f"{prefix}{since}", f"{prefix}{until}#\U0010ffff")
    return Partition(_figures_of(merchant), between)


def closed(of: ClosedDays) -> Key[ClosedDays]:
    return Key(_figures_of(of.merchant), f"{_closed(of.test)}{of.month}")


def closed_between(merchant: str, since: str, until: str, *, test: bool) -> Partition[ClosedDays]:
    """Returns where the closed days of months are, from `since` to `until`, both included."""
    prefix = _closed(test)
    between = SortKeyRange(f"{prefix}{since}", f"{prefix}{until}")
    return Partition(_figures_of(merchant), between)


def counted(of: CountedMonth) -> Key[CountedMonth]:
    return Key(_figures_of(of.merchant), f"{_counted(of.test)}{of.month}")


def counted_between(
    merchant: str, since: str, until: str, *, test: bool
) -> Partition[CountedMonth]:
    """Returns where months are that have totals, from `since` to `until`, both included."""
    prefix = _counted(test)
    between = SortKeyRange(f"{prefix}{since}", f"{prefix}{until}")
    return Partition(_figures_of(merchant), between)


def totals(of: MonthTotals) -> Key[MonthTotals]:
    prefix = _totals(of.product, of.country, of.series, test=of.test)
    return Key(_figures_of(of.merchant), f"{prefix}{of.month}")


def totals_between(
    merchant: str, since: str, until: str, scope: Scope, series: str, *, test: bool
) -> Partition[MonthTotals]:
    """Returns where the totals of months of a scope are, from `since` to `until`, both included."""
    prefix = _totals(scope.product, scope.country, series, test=test)
    between = SortKeyRange(f"{prefix}{since}", f"{prefix}{until}")
    return Partition(_figures_of(merchant), between)


def _row(product: str, test: bool, span: str, series: str) -> str:
    length = series or ("DAY" if len(span) == DAY_LENGTH else "MONTH")
    return f"{f'PRODUCT#{product}#' if product else ''}{length}#{_mode(test)}#"


def _move(test: bool) -> str:
    return f"MOVE#{_mode(test)}#"


def _closed(test: bool) -> str:
    return f"CLOSED#{_mode(test)}#"


def _counted(test: bool) -> str:
    return f"COUNTED#{_mode(test)}#"


def _totals(product: str, country: str, series: str, *, test: bool) -> str:
    return f"TOTALS#{_mode(test)}#{series}#{product}#{country}#"


def _mode(test: bool) -> str:
    return "TEST" if test else "LIVE"


def _figures_of(merchant: str) -> str:
    return f"M#{merchant}#FIGURES"
