"""When a notice is sent: our own day, or the day that the customer's region allows (X-10, X-12).

The windows are rows of the regions' table, never `if`s on a country.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from billing.cancel.regions import lookup
from billing.cancel.regions.rules import Duty, Rule, Window
from billing.kernel.catalog import PriceTerms, PriceType
from billing.kernel.customers import Address
from billing.kernel.periods import Span, start_of_next_local_day
from billing.kernel.subscription import Subscription
from billing.kernel.values import Value

DAY = timedelta(days=1)
YEAR_DAYS = 365

MARGIN = timedelta(hours=12)
"""The least time between a notice and the end of its window: sweeps and mail may be late."""


class Timing(Value):
    """A notice goes out at `at`, not before `opens_at`, and by `closes_at`.

    `prescribed`: a region demands it, so that no setting suppresses it.
    """

    at: datetime
    closes_at: datetime
    opens_at: datetime | None = None
    prescribed: bool = False

    def takes(self, instant: datetime) -> bool:
        """Tests whether an instant is inside the window."""
        return (self.opens_at is None or self.opens_at <= instant) and instant <= self.closes_at


def rules_of(address: Address, on: date, duty: Duty) -> list[Rule]:
    """Returns the rules of a duty where a customer lives, on a day."""
    return lookup.rules(address.country, address.state, on, duty)


def timing(
    coming: datetime,
    zone: str,
    lasting_days: int,
    rules: Iterable[Rule],
    wanted_days: float | None,
    ours: int,
) -> Timing | None:
    """Returns when to announce what comes, at the end of something of so many days.

    `wanted_days` before, moved into the windows of all rules; None where the merchant wants no
    such notice: then it is sent only if a rule asks for it, by `ours`. Days are days of the
    calendar in `zone`: a window closes with the last one.
    """
    windows = [w for rule in rules for w in rule.windows if lasting_days > w.over_days]
    if wanted_days is None and not windows:
        return None
    least = max((_least(window, lasting_days) for window in windows), default=timedelta(0))
    most = min((window.most * DAY for window in windows if window.most), default=None)
    ahead = (ours if wanted_days is None else wanted_days) * DAY
    ahead = max(ahead if most is None else min(ahead, most), least)
    closes_at = start_of_next_local_day(coming - least, zone)
    return Timing(
        at=min(coming - ahead, closes_at - MARGIN),
        closes_at=closes_at,
        opens_at=None if most is None else coming - most,
        prescribed=bool(windows),
    )


def _least(window: Window, lasting_days: int) -> timedelta:
    """Returns the last moment before; the last day to cancel is the day before the payment."""
    half = lasting_days * DAY / 2
    if window.half_of_short:
        return min(window.least * DAY, half)
    least = (window.least + window.before_last_day) * DAY
    return least if window.least < lasting_days else half


def trial_days(subscription: Subscription, charge_at: datetime) -> int:
    """Returns the whole days of a trial; a change of the clock makes none shorter."""
    return round((charge_at - subscription.started_at) / DAY)


def term_days(subscription: Subscription) -> int | None:
    """Returns the days of the term that the next payment renews, the longer of the one that ends
    and the one that begins; None where it renews none."""
    renewing = subscription.renewing()
    ending = _term(subscription.terms, subscription.place)
    coming = _term(renewing.terms, renewing.place)
    terms = [days for days in (ending, coming) if days is not None]
    return max(terms, default=None)


def _term(terms: PriceTerms, k: int) -> int | None:
    """Returns the days of the term that payment `k` from the anchor renews; a set's other payments
    renew none (P-8)."""
    if terms.type is PriceType.RECURRING:
        assert terms.period is not None, "what recurs has a period"
        return _days(terms.period.length)
    if terms.type is PriceType.RECURRING_INSTALLMENT:
        assert terms.cycle is not None and terms.installments is not None
        return _days(terms.cycle.length) if k % terms.installments == 0 else None
    return None


def _days(span: Span) -> int:
    """Returns the days of a span, with a month as long as its longest."""
    return span.days + -(-span.months * YEAR_DAYS // 12)
