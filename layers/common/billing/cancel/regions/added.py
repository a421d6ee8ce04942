"""Rules of regions that REGIONS.md does not have: each has its record in docs/decisions (X-10)."""

from __future__ import annotations

from datetime import date

from billing.cancel.regions.rules import Certainty, Duty, Rule, Window

A_MONTH = 31

ADDED = (
    Rule(  # docs/decisions/2026-11-29-french-renewals.md
        region="FR",
        duty=Duty.RENEWAL,
        windows=(Window(31, 89, over_days=A_MONTH, before_last_day=True),),
        scope="services for a fixed term that is renewed unless the customer says no",
        source="art. L. 215-1 code de la consommation",
        checked_on=date(2026, 11, 29),
        certainty=Certainty.A,
        wording=("over a month: 3 months to 1 month before the last day to cancel",),
    ),
)
