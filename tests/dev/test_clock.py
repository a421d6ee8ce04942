from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dev.clock import DevClock

MORNING = datetime(2026, 5, 1, 9, tzinfo=UTC)


class Real:
    def __init__(self) -> None:
        self.now = MORNING

    def __call__(self) -> datetime:
        return self.now

    def passes(self, **span: float) -> None:
        self.now += timedelta(**span)


def test_it_runs_with_real_time(tmp_path: Path) -> None:
    real = Real()
    clock = DevClock(tmp_path / "clock.json", real)
    real.passes(seconds=3)
    assert clock() == MORNING + timedelta(seconds=3)


def test_a_held_clock_stands_still_and_runs_on_from_where_it_was(tmp_path: Path) -> None:
    real = Real()
    clock = DevClock(tmp_path / "clock.json", real)
    clock.hold()
    clock.move_to(MORNING + timedelta(days=31))
    real.passes(minutes=5)
    assert clock() == MORNING + timedelta(days=31)
    clock.release()
    real.passes(seconds=1)
    assert clock() == MORNING + timedelta(days=31, seconds=1)


def test_a_killed_process_finds_the_time_it_had_advanced_to(tmp_path: Path) -> None:
    real = Real()
    killed = DevClock(tmp_path / "clock.json", real)
    killed.hold()
    killed.move_to(MORNING + timedelta(days=31))
    real.passes(hours=1)
    again = DevClock(tmp_path / "clock.json", real)
    assert again() == MORNING + timedelta(days=31, hours=1)


def test_it_never_goes_back(tmp_path: Path) -> None:
    clock = DevClock(tmp_path / "clock.json", Real())
    clock.hold()
    with pytest.raises(AssertionError):
        clock.move_to(MORNING - timedelta(microseconds=1))
