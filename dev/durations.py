"""ISO 8601 durations, added to an instant: years and months by the calendar, the rest exactly."""

import calendar
import re
from datetime import datetime, timedelta

_DURATION = re.compile(
    r"P(?=\w)(?:(\d{1,4})Y)?(?:(\d{1,5})M)?(?:(\d{1,6})W)?(?:(\d{1,6})D)?"
    r"(?:T(?=\d)(?:(\d{1,8})H)?(?:(\d{1,8})M)?(?:(\d{1,10})S)?)?",
    re.ASCII,
)


def later(start: datetime, duration: str) -> datetime:
    """Returns the instant `duration` after `start`; ValueError when it is malformed or out of
    range.
    """
    matched = _DURATION.fullmatch(duration)
    if matched is None:
        raise ValueError(f"{duration!r} is not an ISO 8601 duration such as P31D or PT90M")
    years, months, weeks, days, hours, minutes, seconds = (int(n or 0) for n in matched.groups())
    try:
        return _months_later(start, years * 12 + months) + timedelta(
            weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds
        )
    except OverflowError as error:
        raise ValueError(f"{duration!r} is out of range") from error


def _months_later(start: datetime, months: int) -> datetime:
    years, month0 = divmod(start.month - 1 + months, 12)
    year, month = start.year + years, month0 + 1
    if year > 9999:
        raise OverflowError("year out of range")
    last_day = calendar.monthrange(year, month)[1]
    return start.replace(year=year, month=month, day=min(start.day, last_day))
