"""Instants of imported files in the forms that are certain: nothing is guessed about a date."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zlib import crc32

from billing.kernel.periods import Anchor
from billing.migration.import_rows import Problem, problem
from billing.migration.imports import DateOrder

_EPOCH = re.compile(r"[0-9]{9,11}")
_ISO = re.compile(
    r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?( ?(Z|UTC|[+-]\d{2}:?\d{2}))?)?"
)
_NAMED_MONTH = re.compile(
    r"(\d{1,2})[- ]([A-Za-z]{3})[- ](\d{4})(?: (\d{2}):(\d{2})(?::(\d{2}))?)?( UTC)?"
)
_DAY_OR_MONTH = re.compile(r"\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}\b.*")
_NUMBERS = re.compile(
    r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?:,?[ T](\d{1,2}):(\d{2})(?::(\d{2}))?)?", re.ASCII
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

EARLIEST, LATEST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
"""The instants between which a subscription starts, is charged and ends."""


def instant(text: str, column: str, *, zone: str, key: str) -> datetime | Problem:
    """Reads an instant: RFC 3339, seconds since 1970, or a form that names its month.

    One without an offset is wall time in `zone`. One without a time of day gets one that follows
    from `key`, so that days with many are spread.
    """
    if _EPOCH.fullmatch(text):
        return _within(datetime.fromtimestamp(int(text), UTC), column, text)
    if _DAY_OR_MONTH.fullmatch(text):
        return problem("date_ambiguous", column, value=text[:40])
    try:
        wall = _iso(text) if _ISO.fullmatch(text) else _named(text)
    except ValueError:
        return problem("date_unknown", column, value=text[:40])
    if wall is None:
        return problem("date_malformed", column, value=text[:40])
    if len(text) <= len("31-Jan-2026"):
        wall = datetime.combine(wall.date(), time()) + time_of_day(key)
    try:
        at = (wall if wall.tzinfo is not None else Anchor(wall, zone).instant).astimezone(UTC)
    except OverflowError:  # the last hours of the year 9999, which say "never", are later in UTC
        return problem("date_unknown", column, value=text[:40])
    return _within(at, column, text)


def time_of_day(key: str) -> timedelta:
    """Returns a time of day that is always the same for a key, in whole seconds."""
    return timedelta(seconds=crc32(key.encode()) % 86_400)


def ordered(text: str, order: DateOrder) -> str:
    """Returns a date of numbers as RFC 3339 writes it; any other text, and a date that is none in
    this order, as it is."""
    found = _NUMBERS.fullmatch(text.strip())
    if found is None:
        return text
    first, second, year, hour, minute, seconds = found.groups()
    day, month = (first, second) if order is DateOrder.DAY_FIRST else (second, first)
    try:
        found_day = date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return text
    return found_day if hour is None else f"{found_day} {int(hour):02}:{minute}:{seconds or '00'}"


def wall_time(text: str, column: str) -> datetime | Problem:
    """Reads a wall time, which has no offset."""
    if _ISO.fullmatch(text):
        try:
            wall = _iso(text)
        except ValueError:
            return problem("date_unknown", column, value=text[:40])
        if wall.tzinfo is None:
            found = _within(wall.replace(tzinfo=UTC), column, text)
            return found if isinstance(found, Problem) else wall
    return problem("wall_time_malformed", column, value=text[:40])


def _iso(text: str) -> datetime:
    return datetime.fromisoformat(text.replace(" UTC", "Z").replace(" Z", "Z"))


def _named(text: str) -> datetime | None:
    found = _NAMED_MONTH.fullmatch(text)
    if found is None or found[2].lower() not in _MONTHS:
        return None
    hour, minute, second = (int(each or 0) for each in found.group(4, 5, 6))
    month = _MONTHS.index(found[2].lower()) + 1
    zone = UTC if found[7] else None
    return datetime(int(found[3]), month, int(found[1]), hour, minute, second, tzinfo=zone)


def _within(at: datetime, column: str, text: str) -> datetime | Problem:
    return at if EARLIEST <= at < LATEST else problem("date_unknown", column, value=text[:40])
