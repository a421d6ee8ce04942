from datetime import UTC, datetime, timedelta

import pytest

from dev.schedules import parse


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("rate(1 minute)", "2026-01-31T10:00:00", "2026-01-31T10:01:00"),
        ("rate(1 minute)", "2026-01-31T10:00:59.999999", "2026-01-31T10:01:00"),
        ("rate(5 minutes)", "2026-01-31T10:03:00", "2026-01-31T10:05:00"),
        ("rate(1 hour)", "2026-01-31T10:03:00", "2026-01-31T11:00:00"),
        ("rate(1 day)", "2026-01-31T10:03:00", "2026-02-01T00:00:00"),
        ("cron(0 8 * * ? *)", "2026-01-31T10:03:00", "2026-02-01T08:00:00"),
        ("cron(0/15 * * * ? *)", "2026-01-31T10:03:00", "2026-01-31T10:15:00"),
        ("cron(30 6 1 * ? *)", "2026-01-31T10:03:00", "2026-02-01T06:30:00"),
        ("cron(0 0 L * ? *)", "2026-02-01T00:00:00", "2026-02-28T00:00:00"),
        ("cron(0 12 ? * MON-FRI *)", "2026-01-31T10:03:00", "2026-02-02T12:00:00"),
        ("cron(0 12 29 FEB ? *)", "2026-01-31T10:03:00", "2028-02-29T12:00:00"),
    ],
)
def test_the_next_tick(expression: str, after: str, expected: str) -> None:
    assert parse(expression).after(at(after)) == at(expected)


def test_a_cron_schedule_follows_its_zone_through_the_change_of_time() -> None:
    ticks = parse("cron(0 9 * * ? *)", "America/New_York")
    assert ticks.after(at("2026-03-07T00:00:00")) == at("2026-03-07T14:00:00")
    assert ticks.after(at("2026-03-08T00:00:00")) == at("2026-03-08T13:00:00")


def test_a_wall_time_that_does_not_exist_has_no_tick() -> None:
    ticks = parse("cron(30 2 * * ? *)", "America/New_York")
    assert ticks.after(at("2026-03-08T00:00:00")) == at("2026-03-09T06:30:00")


@pytest.mark.parametrize("expression", ["rate(1 minute)", "cron(* * * * ? *)"])
def test_of_missed_ticks_the_last_one_counts(expression: str) -> None:
    ticks = parse(expression)
    since = at("2026-01-31T10:00:00")
    assert ticks.latest(since, since + timedelta(seconds=59)) is None
    assert ticks.latest(since, since + timedelta(seconds=61)) == at("2026-01-31T10:01:00")
    assert ticks.latest(since, since + timedelta(hours=2)) == at("2026-01-31T12:00:00")


@pytest.mark.parametrize("expression", ["rate(1 week)", "at(2026-01-01T00:00:00)", "cron(0 8)"])
def test_what_it_does_not_know_it_says(expression: str) -> None:
    with pytest.raises(ValueError, match="not supported"):
        parse(expression)
