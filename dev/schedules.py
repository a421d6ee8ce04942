"""The ticks of EventBridge Scheduler expressions: rate(..) and cron(..).

rate(..) counts from the Unix epoch rather than from the schedule's creation, so that a restart
does not shift the ticks.
"""

import calendar
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from billing.kernel.values import Value

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_CRON = re.compile(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)")
_MONTHS = {name.upper(): n for n, name in enumerate(calendar.month_abbr) if name}
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_WEEKDAYS = {name: n for n, name in enumerate(_DAYS, start=1)}


class Ticks(Protocol):
    def after(self, instant: datetime) -> datetime:
        """Returns the first tick later than `instant`."""

    def latest(self, since: datetime, until: datetime) -> datetime | None:
        """Returns the last tick in (since, until]."""


def parse(expression: str, zone: str = "UTC") -> Ticks:
    if matched := _RATE.fullmatch(expression):
        return _Rate(timedelta(**{f"{matched[2]}s": int(matched[1])}))
    if matched := _CRON.fullmatch(expression):
        return _cron(matched.groups(), ZoneInfo(zone))
    raise ValueError(f"the schedule expression {expression!r} is not supported by make run")


class _Rate(Value):
    every: timedelta

    def after(self, instant: datetime) -> datetime:
        return _EPOCH + ((instant - _EPOCH) // self.every + 1) * self.every

    def latest(self, since: datetime, until: datetime) -> datetime | None:
        tick = _EPOCH + ((until - _EPOCH) // self.every) * self.every
        return tick if tick > since else None


class _Cron(Value):
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    last_day: bool
    months: frozenset[int]
    weekdays: frozenset[int]
    years: frozenset[int]
    zone: ZoneInfo

    def after(self, instant: datetime) -> datetime:
        day = instant.astimezone(self.zone).date()
        for offset in range(366 * 8):
            for tick in self._ticks_on(day + timedelta(days=offset)):
                if tick > instant:
                    return tick
        raise ValueError("this cron expression has no tick within eight years")

    def latest(self, since: datetime, until: datetime) -> datetime | None:
        latest = None
        while (tick := self.after(latest or since)) <= until:
            latest = tick
        return latest

    def _ticks_on(self, day: date) -> Iterator[datetime]:
        if not self._includes(day):
            return
        for hour in sorted(self.hours):
            for minute in sorted(self.minutes):
                local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=self.zone)
                tick = local.astimezone(UTC)
                # A wall time that the spring change skips does not come back as itself.
                if tick.astimezone(self.zone).replace(tzinfo=None) == local.replace(tzinfo=None):
                    yield tick

    def _includes(self, day: date) -> bool:
        is_last = day.day == calendar.monthrange(day.year, day.month)[1]
        return (
            day.year in self.years
            and day.month in self.months
            and (day.day in self.days or (self.last_day and is_last))
            and day.isoweekday() % 7 + 1 in self.weekdays
        )


def _cron(fields: tuple[str, ...], zone: ZoneInfo) -> _Cron:
    minutes, hours, days, months, weekdays, years = fields
    return _Cron(
        minutes=_field(minutes, 0, 59),
        hours=_field(hours, 0, 23),
        days=frozenset() if days == "L" else _field(days, 1, 31),
        last_day=days == "L",
        months=_field(months, 1, 12, _MONTHS),
        weekdays=_field(weekdays, 1, 7, _WEEKDAYS),
        years=_field(years, 1970, 2199),
        zone=zone,
    )


def _field(text: str, low: int, high: int, names: dict[str, int] | None = None) -> frozenset[int]:
    values: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        if span in ("*", "?"):
            first, last = low, high
        else:
            ends = [(names or {}).get(end.upper()) or int(end) for end in span.split("-")]
            first, last = ends[0], ends[-1] if len(ends) > 1 or not step else high
        if not low <= first <= last <= high:
            raise ValueError(f"{text!r} is out of bounds in a cron expression")
        values.update(range(first, last + 1, int(step or 1)))
    return frozenset(values)
