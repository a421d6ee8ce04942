from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dev.clock import DevClock
from dev.due import DueRow
from dev.journey import Journey
from dev.schedules import parse
from dev.stack import Function, Schedule
from dev.tally import Tally
from dev.worker import Worker

START = datetime(2026, 1, 31, 10, 0, 30, tzinfo=UTC)
Sweep = Callable[[datetime], dict[str, int]]


def function(name: str) -> Function:
    return Function(name, "functions.x.app", name, 3, 128, f"arn:{name}")


class World:
    """Rows that wait, and sweeps that work on them, behind a real worker and a real clock."""

    def __init__(self, tmp_path: Path) -> None:
        self.rows: dict[str, DueRow] = {}
        self.sweeps: dict[str, Sweep] = {}
        self.visits: list[tuple[str, datetime]] = []
        self.clock = DevClock(tmp_path / "clock.json", lambda: START)
        self._path = tmp_path / "ticks.json"

    def waits(self, name: str, at: datetime, kind: str = "DUE#BILL") -> None:
        self.rows[name] = DueRow(kind, f"{name} {at}", at)

    def earliest_first(self) -> list[DueRow]:
        return sorted(self.rows.values(), key=lambda row: row.at)

    def travel(self, target: datetime, **expressions: str) -> dict[str, Any]:
        schedules = [
            Schedule(name, function(name), parse(text), f"arn:{name}", None, False)
            for name, text in expressions.items()
        ]
        worker = Worker(self.clock, self._invoke, schedules, [], self._path)
        self.clock.hold()
        try:
            return Journey(worker, self.clock, self).to(target)
        finally:
            self.clock.release()

    def _invoke(self, called: Function, event: Any) -> Any:
        tick = datetime.fromisoformat(event["time"])
        assert tick == self.clock()
        self.visits.append((called.logical_id, tick))
        return self.sweeps[called.logical_id](tick)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_it_stops_only_where_something_is_due_and_lands_on_the_target(world: World) -> None:
    world.waits("sub", START + timedelta(days=7))

    def sweep(now: datetime) -> dict[str, int]:
        world.waits("sub", now + timedelta(days=7))
        return {"leased": 1}

    world.sweeps["bill"] = sweep
    target = START + timedelta(days=31)
    answer = world.travel(target, bill="rate(1 minute)")
    # Each visit is the first tick at or after the due time; from then on it is due on the tick.
    first = datetime(2026, 2, 7, 10, 1, tzinfo=UTC)
    assert [tick for _, tick in world.visits] == [first + timedelta(days=7 * n) for n in range(4)]
    assert answer["ticks"] == 4
    assert answer["tally"] == {"bill": {"invocations": 4, "leased": 4}}
    assert answer["now"] == "2026-03-03T10:00:30.000000Z"
    assert world.clock() == target


def test_a_row_that_does_not_move_is_seen_once_by_each_schedule(world: World) -> None:
    world.waits("stuck", START + timedelta(hours=1))
    world.sweeps = {"bill": lambda now: {}, "mail": lambda now: {}}
    world.travel(START + timedelta(days=31), bill="rate(1 minute)", mail="rate(5 minutes)")
    assert world.visits == [
        ("bill", datetime(2026, 1, 31, 11, 1, tzinfo=UTC)),
        ("bill", datetime(2026, 1, 31, 11, 5, tzinfo=UTC)),
        ("mail", datetime(2026, 1, 31, 11, 5, tzinfo=UTC)),
    ]


def test_what_a_sweep_left_over_waits_for_its_next_tick(world: World) -> None:
    for n in range(5):
        world.waits(f"sub{n}", START + timedelta(hours=1))

    def two_at_a_time(now: datetime) -> dict[str, int]:
        for name in list(world.rows)[:2]:
            del world.rows[name]
        return {}

    world.sweeps["bill"] = two_at_a_time
    world.travel(START + timedelta(days=1), bill="rate(1 minute)")
    assert [tick.minute for _, tick in world.visits] == [1, 2, 3]
    assert not world.rows


def test_a_row_put_into_the_past_is_taken_at_the_next_tick(world: World) -> None:
    world.waits("sub", START + timedelta(hours=1))

    def catch_up(now: datetime) -> dict[str, int]:
        if len(world.visits) < 3:
            world.waits("sub", START + timedelta(seconds=len(world.visits)))
        else:
            world.rows.clear()
        return {}

    world.sweeps["bill"] = catch_up
    world.travel(START + timedelta(days=1), bill="rate(1 minute)")
    assert [tick.minute for _, tick in world.visits] == [1, 2, 3]


def test_nothing_after_the_target_is_touched(world: World) -> None:
    world.waits("sub", START + timedelta(days=31, seconds=1))
    world.sweeps["bill"] = lambda now: {}
    world.travel(START + timedelta(days=31), bill="rate(1 minute)")
    assert world.visits == []


def test_a_sweep_that_fails_does_not_end_the_journey(world: World) -> None:
    world.waits("sub", START + timedelta(hours=1))

    def failing(now: datetime) -> dict[str, int]:
        raise RuntimeError("no")

    world.sweeps["bill"] = failing
    answer = world.travel(START + timedelta(days=1), bill="rate(1 minute)")
    assert answer["tally"] == {"bill": {"invocations": 1, "errors": 1}}


def test_a_tally_adds_up_numbers_only() -> None:
    tally = Tally()
    tally.add("charge", {"paid": 2, "dry": True, "batchItemFailures": [{}, {}], "note": "x"})
    tally.add("charge", {"paid": 3})
    tally.add("charge", None)
    assert tally.as_json() == {"charge": {"invocations": 3, "paid": 5, "failures": 2}}


def test_what_is_due_just_before_the_target_is_done_though_its_tick_lies_after(
    world: World,
) -> None:
    target = START + timedelta(days=31, microseconds=346)
    world.waits("sub", target - timedelta(microseconds=200))

    def sweep(now: datetime) -> dict[str, int]:
        world.waits("sub", now + timedelta(days=31))
        return {"leased": 1}

    world.sweeps["bill"] = sweep
    answer = world.travel(target, bill="rate(1 minute)")
    assert world.visits == [("bill", target)]
    assert answer["tally"] == {"bill": {"invocations": 1, "leased": 1}}
    assert world.clock() == target
