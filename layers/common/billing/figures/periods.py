"""Figures of a period, computed from sums of days and months by FIGURES.md's formulas (M-10)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from billing.figures.sums import MONTH_LENGTH, MOVEMENTS, OFFERS, FigureSums, total
from billing.kernel.money import Currency
from billing.kernel.values import Value

A_YEAR = 12
PLACES = Decimal("0.0001")
CUSTOMERS_LEAST = 20
"""The customers from which on a lifetime value says something."""

DAYS_MOST, MONTHS_MOST = 400, 120
FIRST_MONTH = "0000-00"


class Length(StrEnum):
    """The length of the periods that figures are shown for."""

    DAY = "day"
    MONTH = "month"


class Filter(Value):
    """The part of a merchant's figures that is asked for; empty texts are all."""

    currency: str
    product: str = ""
    country: str = ""
    test: bool = False

    @property
    def is_of_all(self) -> bool:
        """True if customers can be counted: one may have several products, in several places."""
        return not self.product and not self.country

    def takes(self, row: FigureSums) -> bool:
        """Tests whether a row is of it."""
        return self.taker()(row)

    def taker(self) -> Callable[[FigureSums], bool]:
        """Returns the test whether a row is of it, for thousands of rows."""
        currency, product, country = Currency(self.currency), self.product, self.country
        if country:
            return lambda row: (
                row.country == country
                and row.currency is currency
                and (not product or row.product == product)
            )
        return lambda row: row.currency is currency and (not product or row.product == product)


class PeriodFigures(Value):
    """The figures of one period; amounts are minor units before tax, ratios are exact to 0.0001.

    `mrr` has each movement by its name, signed, so that start and movements add up to the end.
    A ratio or an average without enough data is None, as are customers of a part.
    """

    period: str
    start: int
    movements: Mapping[str, int]
    end: int
    pending: int
    trial: int
    customers: Mapping[str, int] | None
    gross_churn: Decimal | None
    net_churn: Decimal | None
    subscriber_churn: Decimal | None
    arpu: int | None
    ltv: int | None
    sums: Mapping[str, int]

    @property
    def arr(self) -> int:
        return self.end * A_YEAR

    @property
    def committed(self) -> int:
        """The recurring revenue without what is about to end."""
        return self.end - self.pending


class Standing(Value):
    """The totals at the start of a period."""

    mrr: int = 0
    customers: int = 0
    pending: int = 0
    trial: int = 0

    def plus(self, sums: Mapping[str, int]) -> Standing:
        came = sums["customers_new"] + sums["customers_returned"] + sums["customers_imported"]
        return Standing(
            self.mrr + sum(sums[name] for name in MOVEMENTS),
            self.customers + came - sums["customers_ended"],
            self.pending + sums["pending"],
            self.trial + sums["trial"],
        )


def computed(
    wanted: Filter,
    periods: Iterable[str],
    before: Iterable[FigureSums],
    moved: Iterable[FigureSums],
    sold: Iterable[FigureSums],
) -> list[PeriodFigures]:
    """Returns the figures of periods, oldest first.

    `before` are the rows of what moved before the first of them, `moved` those of the periods or of
    their days, each counted once, and `sold` those with sales.
    """
    takes = wanted.taker()
    at = Standing().plus(total(filter(takes, before)))
    by_period: defaultdict[str, list[FigureSums]] = defaultdict(list)
    sales: defaultdict[str, list[FigureSums]] = defaultdict(list)
    names = list(periods)
    length = len(names[0]) if names else MONTH_LENGTH
    for row in filter(takes, moved):
        by_period[row.span[:length]].append(row)
    for row in filter(takes, sold):
        sales[row.span[:length]].append(row)
    found = []
    for period in names:
        sums = total(by_period[period])
        after = at.plus(sums)
        found.append(_of(wanted, period, at, after, sums, total(sales[period], (*SALES, *OFFERS))))
        at = after
    return found


def _of(
    wanted: Filter,
    period: str,
    at: Standing,
    after: Standing,
    sums: Mapping[str, int],
    sold: Mapping[str, int],
) -> PeriodFigures:
    is_month, of_all = len(period) == MONTH_LENGTH, wanted.is_of_all
    lost = -(sums["start_churn"] + sums["start_contraction"])
    churn = ratio(sums["start_ended"], at.customers) if is_month and of_all else None
    arpu = half_up(after.mrr, after.customers) if of_all and after.customers else None
    return PeriodFigures(
        period,
        at.mrr,
        {name: sums[name] for name in MOVEMENTS},
        after.mrr,
        after.pending,
        after.trial,
        _customers(at, after, sums) if of_all else None,
        ratio(lost, at.mrr) if is_month else None,
        ratio(lost - sums["start_expansion"], at.mrr) if is_month else None,
        churn,
        arpu,
        _ltv(after, churn),
        {name: sold[name] for name in (*SALES, *OFFERS)},
    )


SALES = (
    "payments",
    "revenue",
    "tax",
    "refunds",
    "refunded_tax",
    "chargebacks",
    "failed",
    "cancel_requests",
)


def _customers(at: Standing, after: Standing, sums: Mapping[str, int]) -> dict[str, int]:
    steps = {name: sums[f"customers_{name}"] for name in ("new", "returned", "imported", "ended")}
    return {"start": at.customers, **steps, "end": after.customers}


def _ltv(after: Standing, churn: Decimal | None) -> int | None:
    """Returns the average revenue of a customer by the share of them that ends a month."""
    if not churn or after.customers < CUSTOMERS_LEAST:
        return None
    value = Decimal(after.mrr) / Decimal(after.customers) / churn
    return int(value.quantize(Decimal(1), ROUND_HALF_UP))


def ratio(part: int, whole: int) -> Decimal | None:
    """Returns a share rounded to four places; None where there is nothing to have a share of."""
    if whole <= 0:
        return None
    return (Decimal(part) / Decimal(whole)).quantize(PLACES, ROUND_HALF_UP)


def half_up(part: int, whole: int) -> int:
    """Returns an average in minor units, rounded half up."""
    return int((Decimal(part) / Decimal(whole)).quantize(Decimal(1), ROUND_HALF_UP))


def months_between(first: str, last: str) -> list[str]:
    """Returns the months from one to another, both included, as 2026-01."""
    year, month = int(first[:4]), int(first[5:MONTH_LENGTH])
    found = []
    while (name := f"{year:04d}-{month:02d}") <= last:
        found.append(name)
        year, month = (year, month + 1) if month < A_YEAR else (year + 1, 1)
    return found


def days_between(first: date, last: date) -> list[str]:
    """Returns the days from one to another, both included, as 2026-01-31."""
    days = (last - first).days + 1
    return [(first + timedelta(days=n)).isoformat() for n in range(days)]
