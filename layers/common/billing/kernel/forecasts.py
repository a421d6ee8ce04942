"""The forecast of a merchant with many subscriptions, as a nightly job adds it up (R-10)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime

from billing.kernel.money import Currency
from billing.kernel.values import replace
from billing.kernel.writes import Entity

DayKey = tuple[date, Currency, bool]
"""A local day, a currency, and whether it is the sandbox's money."""

NONE = "[]"
"""The text of no sums."""

DaySum = tuple[int, int]
"""An amount in minor units, and the number of charges that it is of."""


class ForecastRollup(Entity):
    """The sums of the charges expected per day, as of the time at which the job began.

    There is one that is answered from, and while the job runs one that is a `draft`: it has the
    subscriptions up to `place`. `sums` is text, because a year of days as values of their own is
    many times as large; it has all charges up to `until`.
    """

    merchant: str
    draft: bool
    as_of: datetime
    until: datetime
    place: str
    sums: str

    def days(self) -> dict[DayKey, DaySum]:
        """Returns the sums by day, in order."""
        return {
            (date.fromisoformat(day), Currency(currency), test): (minor, charges)
            for day, currency, test, minor, charges in json.loads(self.sums)
        }

    def counted(self, more: Mapping[DayKey, DaySum], place: str) -> ForecastRollup:
        """Returns the draft with the charges of the subscriptions up to a place."""
        minor: Counter[DayKey] = Counter()
        charges: Counter[DayKey] = Counter()
        for days in (self.days(), more):
            for key, (amount, count) in days.items():
                minor[key] += amount
                charges[key] += count
        rows = [
            [day.isoformat(), currency.value, test, minor[day, currency, test], count]
            for (day, currency, test), count in sorted(charges.items())
        ]
        return replace(self, place=place, sums=json.dumps(rows, separators=(",", ":")))
