from datetime import UTC, datetime

import pytest

from dev.durations import later

START = datetime(2026, 1, 31, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        ("P31D", datetime(2026, 3, 3, 10, 30, tzinfo=UTC)),
        ("P2W", datetime(2026, 2, 14, 10, 30, tzinfo=UTC)),
        ("P1M", datetime(2026, 2, 28, 10, 30, tzinfo=UTC)),
        ("P1Y", datetime(2027, 1, 31, 10, 30, tzinfo=UTC)),
        ("P2Y1M", datetime(2028, 2, 29, 10, 30, tzinfo=UTC)),
        ("PT90M", datetime(2026, 1, 31, 12, 0, tzinfo=UTC)),
        ("P1DT1H1M1S", datetime(2026, 2, 1, 11, 31, 1, tzinfo=UTC)),
        ("P0D", START),
    ],
)
def test_a_duration_is_added_by_the_calendar(duration: str, expected: datetime) -> None:
    assert later(START, duration) == expected


@pytest.mark.parametrize(
    "duration",
    ["", "P", "PT", "31D", "P1", "P-1D", "P1.5D", "P1DT", "p1d", "PT1D", "P1H", "P1D ", "P٣D"],
)
def test_what_is_no_duration_is_refused(duration: str) -> None:
    with pytest.raises(ValueError, match="not an ISO 8601 duration"):
        later(START, duration)


@pytest.mark.parametrize("duration", ["P9999Y", "P99999M", "P999999W"])
def test_a_duration_beyond_the_calendar_is_refused(duration: str) -> None:
    with pytest.raises(ValueError, match="out of range"):
        later(START, duration)
