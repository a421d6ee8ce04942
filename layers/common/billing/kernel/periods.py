"""Dates of charges, always computed from the anchor, never from the date before (P-5, P-12, P-13).

A date is computed as local wall time in the merchant's zone and only then converted to an instant,
so that a DST shift moves no later date.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, available_timezones

from billing.kernel.values import Value


class Unit(StrEnum):
    """Calendar units of a length of time."""

    DAY = "days"
    WEEK = "weeks"
    MONTH = "months"
    YEAR = "years"


class Period(StrEnum):
    """The eight billing periods, exactly (P-5)."""

    WEEKLY = "1w"
    EVERY_2_WEEKS = "2w"
    MONTHLY = "1m"
    EVERY_2_MONTHS = "2m"
    QUARTERLY = "3m"
    EVERY_6_MONTHS = "6m"
    YEARLY = "1y"
    EVERY_2_YEARS = "2y"

    @property
    def length(self) -> Span:
        return _LENGTHS[self]


class Span(Value):
    """A calendar length: 14 days, 2 weeks, 1 month, 1 year."""

    count: int
    unit: Unit

    @property
    def months(self) -> int:
        """The whole calendar months in it; 0 for spans of days and weeks."""
        return self.count * _MONTHS_IN.get(self.unit, 0)

    @property
    def days(self) -> int:
        """The whole days in it; 0 for spans of months and years."""
        return self.count * _DAYS_IN.get(self.unit, 0)


_UNIT_OF_LETTER = {"w": Unit.WEEK, "m": Unit.MONTH, "y": Unit.YEAR}
_LENGTHS = {each: Span(int(each.value[0]), _UNIT_OF_LETTER[each.value[1]]) for each in Period}
_MONTHS_IN = {Unit.MONTH: 1, Unit.YEAR: 12}
_DAYS_IN = {Unit.DAY: 1, Unit.WEEK: 7}


class Anchor(Value):
    """The local wall time and IANA zone that all dates of a schedule are computed from (P-13)."""

    wall: datetime
    zone: str

    def __post_init__(self) -> None:
        assert self.wall.tzinfo is None, "an anchor is wall time; its zone stands beside it"

    @classmethod
    def at(cls, instant: datetime, zone: str) -> Anchor:
        """Returns the wall time that a clock in `zone` shows at an aware instant."""
        return cls(instant.astimezone(zone_named(zone)).replace(tzinfo=None, fold=0), zone)

    def plus(self, span: Span, times: int = 1) -> Anchor:
        """Returns the anchor moved by `times` spans, months in one step, clamped once (P-12)."""
        return self.plus_months(span.months * times, days=span.days * times)

    def plus_months(self, months: int, *, days: int = 0) -> Anchor:
        """Returns the anchor moved by `months` in one step, clamped once, and then by `days` whole
        days."""
        return Anchor(add_months(self.wall, months) + timedelta(days=days), self.zone)

    @property
    def instant(self) -> datetime:
        """The aware UTC instant of this wall time.

        A time that DST skips moves forward by the length of the gap; a time that occurs twice is
        its first occurrence (P-13): both are what `fold=0` means in PEP 495.
        """
        return self.wall.replace(tzinfo=zone_named(self.zone), fold=0).astimezone(UTC)


@lru_cache(maxsize=1024)
def nth(anchor: Anchor, period: Period, k: int) -> datetime:
    """Returns the aware UTC instant of charge `k` of a periodic schedule; 0 is the anchor itself
    (P-12)."""
    # Cached, since a renewal computes its date and the next one at every step.
    return anchor.plus(period.length, k).instant


def add_months(wall: datetime, months: int) -> datetime:
    """Adds months to a wall time; the day is clamped to the month's last (Jan 31 -> Feb 28)."""
    year, month0 = divmod(wall.year * 12 + wall.month - 1 + months, 12)
    day = min(wall.day, monthrange(year, month0 + 1)[1])
    return wall.replace(year=year, month=month0 + 1, day=day)


def start_of_next_local_day(instant: datetime, zone: str) -> datetime:
    """Returns the start of the local day after that of `instant`, as aware UTC."""
    wall = Anchor.at(instant, zone).wall
    midnight = wall.replace(hour=0, minute=0, second=0, microsecond=0)
    return Anchor(midnight + timedelta(days=1), zone).instant


def days_between(begin: datetime, end: datetime | None, zone: str) -> int | None:
    """Returns the days from one aware instant to another in a zone, at least 1; None without an
    end. The day on which it ends is the next time's first."""
    if end is None:
        return None
    first, last = (Anchor.at(each, zone).wall.date() for each in (begin, end))
    return max(1, (last - first).days)


@cache
def zone_named(name: str) -> ZoneInfo:
    """Returns the IANA zone of that name; callers check names from outside with `is_zone`."""
    return ZoneInfo(name)


def is_zone(name: str) -> bool:
    """Checks that `name` is an IANA time zone, such as America/New_York."""
    return name in _zones()


@cache
def _zones() -> frozenset[str]:
    # Without names that are not IANA's: a machine's own setting, or none.
    return frozenset(available_timezones() - {"localtime", "posixrules", "Factory"})
