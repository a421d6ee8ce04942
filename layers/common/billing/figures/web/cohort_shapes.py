"""Cohorts, trials, failed payments and cancellations as /v1 takes and shows them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from billing.api.web.json_shapes import MoneyOutput, money
from billing.figures import cohort_tables
from billing.figures.cohort_tables import Recovery, Retention, Trials
from billing.figures.periods import Filter
from billing.figures.sums import FigureSums
from billing.figures.web.shapes import ID_MOST, Month, decimal, filter_of
from billing.kernel.merchants import Merchant
from billing.kernel.money import Currency, Money
from billing.web.inputs import Country, Input, words


class CohortsQuery(Input):
    """The months of the beginnings to show, both included, and the part of the sales that is meant.

    Without a currency it is the merchant's.
    """

    from_: Annotated[Month, Field(alias="from")]
    to: Month
    product: Annotated[str, words(ID_MOST)] | None = None
    country: Country | None = None
    currency: Currency | None = None

    def filter(self, merchant: Merchant) -> Filter:
        """Returns the part of the sales that is meant."""
        return filter_of(merchant, self.currency, self.product, self.country)


class CohortMonth(TypedDict):
    """The part of a cohort that is live some months after its first payments, and its shares."""

    after: int
    customers: int
    customer_share: str | None
    mrr: MoneyOutput
    mrr_share: str | None


class CohortOutput(TypedDict):
    """The customers whose first payment was in a month, and their recurring revenue then.

    `months` begins with the month itself and ends with the one under way.
    """

    month: str
    customers: int
    mrr: MoneyOutput
    months: list[CohortMonth]


class CohortsOutput(TypedDict):
    """Cohorts, oldest first."""

    data: list[CohortOutput]


class TrialsMonth(TypedDict):
    """The trials that began in a month. `conversion` is `paid` by `ended`."""

    month: str
    begun: int
    running: int
    ended: int
    paid: int
    conversion: str | None


class TrialsOutput(TypedDict):
    """Trials by the month of their start, oldest first."""

    data: list[TrialsMonth]


class FailuresOutput(TypedDict):
    """Failed payments, each counted once however often it was declined.

    `paid` were paid later, `cancelled` ended meanwhile, `lost` were not paid when their retries
    were used up, `open` may still be paid: shares are final once there are none. Amounts are before
    tax.
    """

    begun: int
    paid: int
    cancelled: int
    lost: int
    open: int
    share: str | None
    amount: MoneyOutput
    paid_amount: MoneyOutput
    amount_share: str | None


class FailuresMonth(FailuresOutput):
    """The payments whose first failure was in a month."""

    month: str


class FailuresOfCode(FailuresOutput):
    """The payments whose first failure had a decline code; `none` is that of no code."""

    code: str


class PaidByAttempt(TypedDict):
    """The failed payments that succeeded on an attempt."""

    attempt: int
    paid: int
    amount: MoneyOutput


class RecoveryOutput(TypedDict):
    """Failed payments by the month of their first failure, oldest first, by decline code, most
    first, and by the attempt on which they were paid."""

    data: list[FailuresMonth]
    codes: list[FailuresOfCode]
    attempts: list[PaidByAttempt]


class ReasonOutput(TypedDict):
    """The cancellations with one reason, by one party: asked for, undone, and ended.

    `at_once` of those ended were not asked for before. `mrr` is what the ended were worth a month.
    """

    reason: str
    source: str
    asked: int
    undone: int
    ended: int
    at_once: int
    mrr: MoneyOutput


class EndsMonth(TypedDict):
    """The subscriptions that were cancelled in a month, and what they were worth a month."""

    month: str
    ended: int
    mrr: MoneyOutput


class ReasonsOutput(TypedDict):
    """Cancellations by month, oldest first, and by reason and party, most ends first."""

    data: list[EndsMonth]
    reasons: list[ReasonOutput]


def cohort(found: Retention, currency: Currency) -> CohortOutput:
    months: list[CohortMonth] = [
        {
            "after": after,
            "customers": found.live[after],
            "customer_share": decimal(found.share(after, of_revenue=False)),
            "mrr": money(Money(found.live_minor[after], currency)),
            "mrr_share": decimal(found.share(after, of_revenue=True)),
        }
        for after in range(len(found.live))
    ]
    return {
        "month": found.month,
        "customers": found.customers,
        "mrr": money(Money(found.minor, currency)),
        "months": months,
    }


def trials(found: Trials) -> TrialsMonth:
    return {
        "month": found.month,
        "begun": found.begun,
        "running": found.running,
        "ended": found.ended,
        "paid": found.paid,
        "conversion": decimal(found.conversion),
    }


def recovery(rows: list[FigureSums], months: list[str], currency: Currency) -> RecoveryOutput:
    by_month = cohort_tables.recovery(rows, months)
    by_code = cohort_tables.recovery_by_code(rows, months)
    return {
        "data": [{"month": each.name, **_failures(each, currency)} for each in by_month],
        "codes": [{"code": each.name, **_failures(each, currency)} for each in by_code],
        "attempts": [
            {"attempt": attempt, "paid": paid, "amount": money(Money(minor, currency))}
            for attempt, paid, minor in cohort_tables.paid_by_attempt(rows, months)
        ],
    }


def reasons(rows: list[FigureSums], months: list[str], currency: Currency) -> ReasonsOutput:
    return {
        "data": [
            {"month": month, "ended": ended, "mrr": money(Money(minor, currency))}
            for month, ended, minor in cohort_tables.ends_by_month(rows, months)
        ],
        "reasons": [
            {
                "reason": each.reason,
                "source": each.source,
                "asked": each.asked,
                "undone": each.undone,
                "ended": each.ended,
                "at_once": each.at_once,
                "mrr": money(Money(each.ended_minor, currency)),
            }
            for each in cohort_tables.reasons(rows, months)
        ],
    }


def _failures(found: Recovery, currency: Currency) -> FailuresOutput:
    return {
        "begun": found.begun,
        "paid": found.paid,
        "cancelled": found.cancelled,
        "lost": found.lost,
        "open": found.open_count,
        "share": decimal(found.share),
        "amount": money(Money(found.begun_minor, currency)),
        "paid_amount": money(Money(found.paid_minor, currency)),
        "amount_share": decimal(found.share_minor),
    }
