"""Dates from the anchor and the instants of wall times, judged by dateutil and by whenever."""

# ruff: noqa: DTZ001 - a wall time has no zone: that stands beside it

from calendar import isleap
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import available_timezones

import pytest
from dateutil.relativedelta import relativedelta
from hypothesis import example, given
from hypothesis import strategies as st
from whenever import Instant, ZonedDateTime

from billing.kernel.periods import (
    Anchor,
    Period,
    Span,
    Unit,
    add_months,
    is_zone,
    nth,
    start_of_next_local_day,
)
from tests.kernel.make_golden import PERIODS, resolved

FIRST_YEAR, LAST_YEAR = 1970, 2100
ZONES = sorted(available_timezones() - {"localtime", "posixrules", "Factory"})

walls = st.datetimes(datetime(FIRST_YEAR, 1, 1), datetime(LAST_YEAR, 12, 31, 23, 59, 59))
zones = st.sampled_from(ZONES)
spans = st.one_of(
    st.builds(Span, st.integers(1, 3650), st.just(Unit.DAY)),
    st.builds(Span, st.integers(1, 521), st.just(Unit.WEEK)),
    st.builds(Span, st.integers(1, 120), st.just(Unit.MONTH)),
    st.builds(Span, st.integers(1, 10), st.just(Unit.YEAR)),
)


def instant(wall: datetime, zone: str) -> datetime:
    return resolved(wall, zone).to_instant().to_stdlib()


@cache
def transitions() -> tuple[tuple[str, Instant, datetime, datetime], ...]:
    """Returns every change of every clock: its instant, the time without it, the time with it."""
    return tuple(t for zone in ZONES for t in _transitions(zone))


def _transitions(zone: str) -> Iterator[tuple[str, Instant, datetime, datetime]]:
    shift = ZonedDateTime(FIRST_YEAR, 1, 1, tz=zone).next_transition()
    while shift is not None and shift.year <= LAST_YEAR:
        moment = shift.to_instant()
        second = timedelta(seconds=1)
        due = moment.subtract(seconds=1).to_tz(zone).to_plain().to_stdlib() + second
        yield zone, moment, due, shift.to_plain().to_stdlib()
        shift = shift.next_transition()


@pytest.mark.spec("P-13")
@pytest.mark.slow
def test_wall_times_around_every_change_of_every_clock_are_what_whenever_says() -> None:
    shifts = transitions()
    assert len(shifts) > 50_000
    second = timedelta(seconds=1)
    for zone, _, due, shown in shifts:
        first, last = min(due, shown), max(due, shown)
        middle = first + (last - first) / 2
        for wall in (first - second, first, middle, last - second, last):
            assert Anchor(wall, zone).instant == instant(wall, zone), (zone, wall)


@pytest.mark.spec("P-13")
@pytest.mark.slow
def test_a_skipped_time_moves_on_by_the_gap_and_a_doubled_one_is_its_first() -> None:
    # Told from the change alone, without a library's notion of what a gap is.
    gaps = folds = 0
    for zone, moment, due, shown in transitions():
        offset_before = due - moment.to_stdlib().replace(tzinfo=None)
        wall = min(due, shown) + abs(shown - due) / 2
        if due == shown:
            continue  # only the zone's name or its DST flag changed
        expected = (wall - offset_before).replace(tzinfo=UTC)
        assert Anchor(wall, zone).instant == expected, (zone, wall)
        gaps, folds = gaps + (shown > due), folds + (shown < due)
    assert gaps > 20_000
    assert folds > 20_000


@pytest.mark.spec("P-13")
def test_the_examples_of_skipped_and_doubled_times() -> None:
    new_york, berlin = "America/New_York", "Europe/Berlin"
    skipped = Anchor(datetime(2026, 3, 8, 2, 30), new_york)
    assert skipped.instant == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)
    assert Anchor.at(skipped.instant, new_york).wall == datetime(2026, 3, 8, 3, 30)
    doubled = Anchor(datetime(2026, 10, 25, 2, 30), berlin)
    assert doubled.instant == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    half_hour = Anchor(datetime(2026, 10, 4, 2, 15), "Australia/Lord_Howe")
    assert Anchor.at(half_hour.instant, half_hour.zone).wall == datetime(2026, 10, 4, 2, 45)


@pytest.mark.spec("P-13")
@given(walls, zones)
def test_any_wall_time_of_any_zone_is_what_whenever_says(wall: datetime, zone: str) -> None:
    assert Anchor(wall, zone).instant == instant(wall, zone)


@pytest.mark.spec("P-13")
@given(walls, zones)
def test_an_anchor_is_what_the_clock_shows_and_leads_back_but_for_second_times(
    utc: datetime, zone: str
) -> None:
    now = utc.replace(tzinfo=UTC)
    anchor = Anchor.at(now, zone)
    shown = Instant(now).to_tz(zone)
    assert anchor.wall == shown.to_plain().to_stdlib()
    if shown.is_repeated():
        assert anchor.instant <= now
        assert Anchor.at(anchor.instant, zone) == anchor
    else:
        assert anchor.instant == now


@pytest.mark.spec("P-13")
def test_an_anchor_taken_in_the_second_of_two_equal_hours_is_the_first_of_them() -> None:
    second_half_past_one = datetime(2026, 11, 1, 6, 30, tzinfo=UTC)
    anchor = Anchor.at(second_half_past_one, "America/New_York")
    assert anchor == Anchor(datetime(2026, 11, 1, 1, 30), "America/New_York")
    assert anchor.wall.fold == 0
    assert anchor.instant == second_half_past_one - timedelta(hours=1)


@pytest.mark.spec("P-13")
def test_a_shift_moves_no_later_date() -> None:
    anchor = Anchor(datetime(2026, 2, 8, 2, 30), "America/New_York")
    shown = [Anchor.at(nth(anchor, Period.MONTHLY, k), anchor.zone).wall for k in range(4)]
    assert [wall.time().isoformat() for wall in shown] == [
        "02:30:00",
        "03:30:00",  # Mar 8 has no 02:30
        "02:30:00",
        "02:30:00",
    ]


@pytest.mark.spec("P-5")
def test_there_are_exactly_the_eight_periods() -> None:
    assert {period.value: period.length for period in Period} == {
        "1w": Span(1, Unit.WEEK),
        "2w": Span(2, Unit.WEEK),
        "1m": Span(1, Unit.MONTH),
        "2m": Span(2, Unit.MONTH),
        "3m": Span(3, Unit.MONTH),
        "6m": Span(6, Unit.MONTH),
        "1y": Span(1, Unit.YEAR),
        "2y": Span(2, Unit.YEAR),
    }
    assert set(PERIODS) == {period.value for period in Period}


@pytest.mark.spec("P-12")
@given(walls, zones, st.sampled_from(Period), st.integers(0, 499))
@example(datetime(2096, 2, 29), "UTC", Period.YEARLY, 4)
@example(datetime(2024, 2, 29), "UTC", Period.MONTHLY, 12)
@example(datetime(2026, 1, 31, 2, 30), "Europe/Berlin", Period.MONTHLY, 2)
@example(datetime(2100, 12, 31, 23, 59, 59), "Pacific/Kiritimati", Period.EVERY_2_YEARS, 499)
def test_date_n_is_the_anchor_and_n_periods_in_one_step(
    wall: datetime, zone: str, period: Period, k: int
) -> None:
    expected = wall + PERIODS[period] * k
    assert nth(Anchor(wall, zone), period, k) == instant(expected, zone)


@pytest.mark.spec("P-12")
@given(walls, zones, spans, st.integers(0, 12))
def test_an_anchor_and_a_span_is_the_date_that_dateutil_finds(
    wall: datetime, zone: str, span: Span, times: int
) -> None:
    later = Anchor(wall, zone).plus(span, times)
    assert later.zone == zone
    assert later.wall == wall + relativedelta(**{span.unit.value: span.count}) * times


@pytest.mark.spec("P-12")
@given(walls, st.integers(-24, 1200), st.integers(0, 400))
def test_months_are_added_before_days(wall: datetime, months: int, days: int) -> None:
    later = Anchor(wall, "UTC").plus_months(months, days=days)
    assert later.wall == wall + relativedelta(months=months, days=days)


@pytest.mark.spec("P-12")
def test_every_day_of_four_years_and_any_months_is_clamped_by_the_calendar() -> None:
    # Arithmetic of its own: lengths of months by the rhyme, no library.
    lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    day = datetime(2023, 1, 1, 13)
    while day.year < 2027:
        for months in (0, 1, 2, 3, 6, 11, 12, 13, 24, 48, 923, 924):
            year, month = day.year, day.month + months
            while month > 12:
                year, month = year + 1, month - 12
            longest = 29 if month == 2 and isleap(year) else lengths[month - 1]
            expected = datetime(year, month, min(day.day, longest), 13)
            assert add_months(day, months) == expected
        day += timedelta(days=1)


@pytest.mark.spec("P-12")
@pytest.mark.parametrize(
    ("start", "period", "dates"),
    [
        ("2026-01-31", "1m", ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]),
        ("2024-01-31", "1m", ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"]),
        (
            "2024-02-29",
            "1y",
            ["2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"],
        ),
        ("2096-02-29", "1y", ["2096-02-29", "2097-02-28", "2098-02-28", "2099-02-28"]),
        ("2096-02-29", "2y", ["2096-02-29", "2098-02-28", "2100-02-28", "2102-02-28"]),
        ("2026-08-31", "6m", ["2026-08-31", "2027-02-28", "2027-08-31", "2028-02-29"]),
        ("2025-12-31", "2m", ["2025-12-31", "2026-02-28", "2026-04-30", "2026-06-30"]),
        ("2025-11-30", "3m", ["2025-11-30", "2026-02-28", "2026-05-30", "2026-08-30"]),
        ("2024-02-26", "1w", ["2024-02-26", "2024-03-04", "2024-03-11"]),
        ("2100-02-22", "1w", ["2100-02-22", "2100-03-01", "2100-03-08"]),
        ("2099-12-24", "2w", ["2099-12-24", "2100-01-07", "2100-01-21"]),
    ],
)
def test_the_examples_of_month_ends_and_leap_days(
    start: str, period: str, dates: list[str]
) -> None:
    anchor = Anchor(datetime.fromisoformat(start) + timedelta(hours=10), "America/New_York")
    found = [
        Anchor.at(nth(anchor, Period(period), k), anchor.zone).wall.date().isoformat()
        for k in range(len(dates))
    ]
    assert found == dates


@pytest.mark.spec("R-2")
@pytest.mark.parametrize(
    ("zone", "now", "expected"),
    [
        ("America/New_York", "2026-01-15T17:00Z", "2026-01-16T05:00Z"),
        ("America/New_York", "2026-01-16T04:59:59Z", "2026-01-16T05:00Z"),
        ("America/New_York", "2026-01-16T05:00Z", "2026-01-17T05:00Z"),
        ("America/New_York", "2026-03-08T12:00Z", "2026-03-09T04:00Z"),  # a day of 23 hours
        ("America/New_York", "2026-11-01T04:00Z", "2026-11-02T05:00Z"),  # one of 25
        ("America/Sao_Paulo", "2018-11-03T15:00Z", "2018-11-04T03:00Z"),  # its midnight is 01:00
        ("America/Sao_Paulo", "2018-02-17T15:00Z", "2018-02-18T03:00Z"),  # after two 23:30
        ("Asia/Beirut", "2026-03-28T12:00Z", "2026-03-28T22:00Z"),  # its midnight is 01:00
        ("Pacific/Apia", "2011-12-29T20:00Z", "2011-12-30T10:00Z"),  # Dec 29, and then Dec 31
        ("America/Havana", "2026-11-01T03:00Z", "2026-11-01T04:00Z"),  # the first of two 00:30
        ("Pacific/Kiritimati", "2026-06-30T09:59Z", "2026-06-30T10:00Z"),
        ("Asia/Kathmandu", "2026-06-30T18:14Z", "2026-06-30T18:15Z"),
    ],
)
def test_the_next_local_day_starts_when_the_date_changes(
    zone: str, now: str, expected: str
) -> None:
    found = start_of_next_local_day(datetime.fromisoformat(now), zone)
    assert found == datetime.fromisoformat(expected)


@pytest.mark.spec("R-2")
@pytest.mark.slow
def test_the_next_local_day_is_right_around_every_change() -> None:
    across_midnight = set()
    for zone, moment, due, shown in transitions():
        for hours in (25, 13, 0.1, 0, -0.1, -11):
            now = moment.subtract(hours=hours).to_stdlib()
            found = start_of_next_local_day(now, zone)
            assert local_date(found, zone) > local_date(now, zone), (zone, now)
            # Nothing of that day is before it.
            just_before = local_date(found - timedelta(seconds=1), zone)
            assert just_before == local_date(now, zone), (zone, now)
            if now >= found:
                across_midnight.add((zone, due.year, due.time(), shown < due))
    # A clock that went back from 00:01 to 23:01 had begun the next day before: there, and only
    # there, its start is past. It is long ago, so nothing that waits for a next day meets it.
    assert {zone for zone, *_ in across_midnight} >= {"America/St_Johns"}
    assert all(year <= 2011 and went_back for _, year, _, went_back in across_midnight)


def local_date(moment: datetime, zone: str) -> date:
    return Instant(moment).to_tz(zone).date().to_stdlib()


@pytest.mark.spec("R-2")
@given(walls, zones)
def test_the_next_local_day_is_the_first_with_a_later_date(utc: datetime, zone: str) -> None:
    now = utc.replace(tzinfo=UTC)
    found = start_of_next_local_day(now, zone)
    assert found - now <= timedelta(hours=49)  # a day that a country skipped is no day
    assert local_date(found, zone) > local_date(now, zone)


def test_zones_are_known_by_their_exact_names() -> None:
    assert all(is_zone(zone) for zone in ZONES)
    for name in ("", "Mars/Olympus", "america/new_york", "../UTC", "UTC\0", " UTC"):
        assert not is_zone(name)


@given(st.text())
def test_any_text_may_be_asked_about_as_a_zone(name: str) -> None:
    assert is_zone(name) is (name in ZONES)
