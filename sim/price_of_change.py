"""The price of another plan from now on, computed a second time (A-4): dates, rest, unused time.

By the requirements alone: no code is shared with `billing.kernel.periods` or `plans.plan_change`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from billing.kernel.plans import Plan
from billing.kernel.subscription import Subscription

DAYS = {"w": 7}
MONTHS = {"m": 1, "y": 12}


def period_start(stands: Subscription, k: int) -> datetime:
    """Returns when period `k` of a recurring subscription begins, from its anchor (P-12, P-13)."""
    assert stands.terms.period is not None, "what recurs has a period"
    anchor, name = stands.anchor, stands.terms.period.value
    return nth_payment(anchor.wall, anchor.zone, name, k - stands.anchor_period)


def nth_payment(wall: datetime, zone: str, period: str, k: int) -> datetime:
    """Returns payment `k` from an anchor, by the name of the period, such as "3m"."""
    times, unit = k * int(period[:-1]), period[-1]
    there = _months_later(wall, times * MONTHS.get(unit, 0))
    there += timedelta(days=times * DAYS.get(unit, 0))
    return there.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def _months_later(wall: datetime, months: int) -> datetime:
    """Returns the same day of a later month, or the last day that the month has."""
    number = wall.year * 12 + wall.month - 1 + months
    first = wall.replace(year=number // 12, month=number % 12 + 1, day=1)
    for day in range(wall.day, 0, -1):
        there = first + timedelta(days=day - 1)
        if there.month == first.month:
            return there
    raise AssertionError("a month has a first day")


def rest_minor(stands: Subscription, plan: Plan, at: datetime) -> int:
    """Returns the price of the new plan until its next payment, in minor units, half up.

    A plan of another length begins a whole period of its own.
    """
    price = plan.terms.price.amount_minor
    if plan.terms.period is not stands.terms.period:
        return price
    return _half_up(price * left(stands, at))


def left(stands: Subscription, at: datetime) -> Fraction:
    """Returns the share of the running period that is still to come."""
    start, end = (period_start(stands, stands.period + n) for n in (-1, 0))
    unused = end - min(max(at, start), end)
    return Fraction(_microseconds(unused), _microseconds(end - start))


def _microseconds(span: timedelta) -> int:
    return (span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds


def _half_up(exact: Fraction) -> int:
    return int(exact + Fraction(1, 2))
