"""Finds the share of renewals that a merchant's own past lets expect to fail for good (M-10)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from billing.figures import cohort_tables
from billing.figures.cohorts import Series
from billing.figures.flows import read_cohorts, read_months
from billing.figures.periods import A_YEAR, Filter, months_between, ratio
from billing.figures.sums import month_of
from billing.kernel.merchants import Merchant
from billing.kernel.money import Currency
from billing.kernel.periods import Anchor
from billing.kernel.ports import Ports
from billing.kernel.values import Value

RESTS_FOR, LOOKS_BACK = 2, 3
"""The months before this one whose retries may go on, and the months before those that count."""

RENEWALS_LEAST = 20
"""The renewals, paid or lost, from which on a share says something."""


class FailureRate(Value):
    """The share of a currency's renewals that are not paid in the end, by amount; None where
    there were too few. It is taken from the months `first` to `last`."""

    currency: Currency
    share: Decimal | None
    first: str
    last: str


Kind = tuple[Currency, bool]
"""A currency, and whether it is the sandbox's money."""


def rates(
    ports: Ports, merchant: Merchant, kinds: Iterable[Kind], *, now: datetime
) -> dict[Kind, FailureRate]:
    """Returns the rate of each kind of money: a few queries for each."""
    month = month_of(Anchor.at(now, merchant.settings.time_zone).wall.date())
    first, last = _before(month, RESTS_FOR + LOOKS_BACK), _before(month, RESTS_FOR + 1)
    return {
        (currency, test): _rate(
            ports, merchant, Filter(currency.value, test=test), (first, last, month)
        )
        for currency, test in sorted(set(kinds))
    }


def _before(month: str, count: int) -> str:
    months = int(month[:4]) * A_YEAR + int(month[5:]) - 1 - count
    return f"{months // A_YEAR:04d}-{months % A_YEAR + 1:02d}"


def _rate(
    ports: Ports, merchant: Merchant, wanted: Filter, months_of: tuple[str, str, str]
) -> FailureRate:
    first, last, today = months_of
    rows = read_cohorts.sums(ports, merchant, wanted, Series.RECOVERY, first, today)
    months = months_between(first, last)
    failed = cohort_tables.all_recovery(cohort_tables.recovery(rows, months))
    sold = read_months.of(ports, merchant, wanted, first, last).sold
    kept = [row for row in filter(wanted.taker(), sold) if row.span >= first]
    renewals = sum(row.renewals for row in kept)
    renewed = sum(row.renewed for row in kept)
    lost, lost_minor = failed.begun - failed.paid, failed.begun_minor - failed.paid_minor
    share = ratio(lost_minor, renewed + lost_minor)
    enough = renewals + lost >= RENEWALS_LEAST
    return FailureRate(Currency(wanted.currency), share if enough else None, first, last)
