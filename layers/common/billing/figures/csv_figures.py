"""Figures as CSV: a line for each period, amounts in units of their currency."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from billing.figures.periods import SALES, PeriodFigures
from billing.figures.sums import MOVEMENTS, OFFERS
from billing.kernel.csv_lines import line
from billing.kernel.money import Currency, Money

COUNTS = frozenset({"payments", "failed", "cancel_requests", *OFFERS})
STEPS = ("start", "new", "returned", "imported", "ended", "end")
RATIOS = ("subscriber_churn", "gross_churn", "net_churn")
COLUMNS = (
    "period",
    "currency",
    "mrr_start",
    *(f"mrr_{name}" for name in MOVEMENTS),
    "mrr_end",
    "committed_mrr",
    "trial_mrr",
    "arr",
    *(f"customers_{name}" for name in STEPS),
    *RATIOS,
    "arpu",
    "ltv",
    *SALES,
    *OFFERS,
)


def written(rows: Iterable[PeriodFigures], currency: Currency) -> Iterator[str]:
    """Yields figures line by line; what there is not enough data for is empty."""
    yield line(COLUMNS)
    for row in rows:
        amounts = (row.start, *row.movements.values(), row.end, row.committed, row.trial, row.arr)
        steps = [str(row.customers[name]) if row.customers else "" for name in STEPS]
        shares = [getattr(row, name) for name in RATIOS]
        yield line(
            (
                row.period,
                currency.value,
                *(amount(minor, currency) for minor in amounts),
                *steps,
                *("" if share is None else f"{share:f}" for share in shares),
                *(
                    "" if minor is None else amount(minor, currency)
                    for minor in (row.arpu, row.ltv)
                ),
                *(
                    str(value) if name in COUNTS else amount(value, currency)
                    for name, value in row.sums.items()
                ),
            )
        )


def amount(minor: int, currency: Currency) -> str:
    """Returns an amount with its sign, without its currency: -29.99."""
    text = Money(abs(minor), currency).decimal
    return text if minor >= 0 else f"-{text}"
