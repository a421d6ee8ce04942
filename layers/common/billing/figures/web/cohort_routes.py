"""The routes of cohorts, trials, failed payments and cancellations in /v1 (M-10)."""

from __future__ import annotations

from billing.api.web.frame import Api, Call
from billing.figures import cohort_tables
from billing.figures.cohorts import Series
from billing.figures.flows import read_cohorts
from billing.figures.sums import month_of
from billing.figures.web import cohort_shapes
from billing.figures.web.cohort_shapes import CohortsQuery
from billing.kernel.money import Currency
from billing.kernel.periods import Anchor
from billing.kernel.ports import Ports


def declare(api: Api, ports: Ports) -> None:
    """Declares them; months to come are left out."""

    def read(call: Call[CohortsQuery], series: Series) -> read_cohorts.Since:
        query = call.input
        wanted = query.filter(call.merchant)
        today = month_of(Anchor.at(call.now, call.zone).wall.date())
        return read_cohorts.since(
            ports, call.merchant, wanted, series, (query.from_, query.to), today
        )

    @api.get("/v1/figures/cohorts", CohortsQuery)
    def show_cohorts(call: Call[CohortsQuery]) -> cohort_shapes.CohortsOutput:
        """Show how many of the customers of each month's first payments are still live in the
        months after it, and how much of their recurring revenue."""
        found = read(call, Series.RETENTION)
        cohorts = cohort_tables.retention(found.rows, found.months, found.last)
        currency = _currency(call)
        return {"data": [cohort_shapes.cohort(each, currency) for each in cohorts]}

    @api.get("/v1/figures/trials", CohortsQuery)
    def show_trials(call: Call[CohortsQuery]) -> cohort_shapes.TrialsOutput:
        """Show the trials that began in each month, and how many of those that ended were followed
        by a payment."""
        found = read(call, Series.TRIALS)
        trials = cohort_tables.trials(found.rows, found.months)
        return {"data": [cohort_shapes.trials(each) for each in trials]}

    @api.get("/v1/figures/recovery", CohortsQuery)
    def show_recovery(call: Call[CohortsQuery]) -> cohort_shapes.RecoveryOutput:
        """Show the payments that failed first in each month and what became of them, also by
        decline code and by the attempt on which they were paid."""
        found = read(call, Series.RECOVERY)
        return cohort_shapes.recovery(found.rows, found.months, _currency(call))

    @api.get("/v1/figures/reasons", CohortsQuery)
    def show_reasons(call: Call[CohortsQuery]) -> cohort_shapes.ReasonsOutput:
        """Show the cancellations of each month, and by their reason and who cancelled."""
        found = read(call, Series.REASONS)
        return cohort_shapes.reasons(found.rows, found.months, _currency(call))


def _currency(call: Call[CohortsQuery]) -> Currency:
    return Currency(call.input.filter(call.merchant).currency)
