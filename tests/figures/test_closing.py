"""Days whose figures are closed: told to a merchant's programs, and again if they change (M-10)."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import date, timedelta
from typing import Any

import pytest

from billing.event_log.public_events import PublicType
from billing.figures import closing
from billing.figures.closing import ClosedDay
from billing.figures.comparison import FiguresDiffer
from billing.figures.flows import close, rebuild
from billing.figures.sums import FigureSums
from billing.kernel.money import Currency
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert
from tests.event_log.logs import begin, logged
from tests.figures.watched import Watched
from tests.hurry import Dead
from tests.webhooks.hooks import Hooks

A_DAY = timedelta(days=1)


@pytest.fixture
def world() -> Watched:
    return Watched()


def night(world: Watched) -> None:
    """Lets a day go by, with what the stream brought, and its comparison at the end."""
    world.observe()
    world.now += A_DAY
    rebuild.begin_check(world.ports, now=world.now)
    world.tick()


def failing_night(world: Watched) -> None:
    """Lets a day go by whose comparison fails in each of its rounds."""
    for turn in range(8):
        with suppress(FiguresDiffer):  # the job's own error, which the world shows at once
            world.tick() if turn else night(world)
        world.now += timedelta(minutes=15)
    job = world.store.job("", rebuild.NIGHTLY)
    assert job is not None and (job.state, job.error) == ("failed", "figures_differ")


def told(world: Watched) -> list[dict[str, Any]]:
    found = [each for each in logged(world) if each.type == PublicType.FIGURES_DAY_CLOSED]
    return [json.loads(each.object) for each in found]


def days(world: Watched) -> list[tuple[str, int]]:
    return [(each["day"], each["revision"]) for each in told(world)]


def wrong_cent(world: Watched, day: str, minor: int) -> None:
    """Adds to a stored sum what no order gives."""
    (row,) = [each for each in world.sums() if each.span == day]
    world.store.commit(Change(row, replace(row, revenue=row.revenue + minor)))


@pytest.mark.spec("M-10")
def test_each_day_is_told_once_with_its_figures_two_days_later(world: Watched) -> None:
    begin(world)
    world.buy()
    for _ in range(4):
        night(world)
    names = [day for day, revision in days(world) if revision == 1]
    assert names == ["2026-01-30", "2026-01-31", "2026-02-01", "2026-02-02"]
    before, first, second, _ = told(world)
    assert before["figures"] == []
    (of_usd,) = first["figures"]
    assert (of_usd["currency"], of_usd["period"]) == ("USD", "2026-01-31")
    assert (of_usd["mrr"]["start"]["amount"], of_usd["mrr"]["end"]["amount"]) == (0, 2_999)
    assert (of_usd["revenue"]["amount"], of_usd["customers"]["new"]) == (2_999, 1)
    (of_usd,) = second["figures"]
    assert (of_usd["mrr"]["start"]["amount"], of_usd["revenue"]["amount"]) == (2_999, 0)
    assert (first["object"], first["id"], first["test"]) == ("figures", "2026-01-31", True)
    assert first["time_zone"] == world.merchant.settings.time_zone


@pytest.mark.spec("M-10")
def test_nothing_is_told_or_written_of_a_merchant_without_a_reader(world: Watched) -> None:
    world.buy()
    for _ in range(3):
        night(world)
    assert told(world) == []
    assert world.store.closed_days("acme", "2000-01", "2999-01", test=True) == []


@pytest.mark.spec("M-10")
def test_a_day_that_something_late_changed_is_told_again_and_no_other_is(world: Watched) -> None:
    begin(world)
    world.buy()
    for _ in range(4):
        night(world)
    was = len(told(world))
    late = replace(world.orders()[0], id="late", at=world.orders()[0].at + timedelta(hours=1))
    world.store.commit(Insert(late))
    night(world)
    assert days(world)[was:] == [("2026-01-31", 2), ("2026-02-03", 1)]
    again = told(world)[was]
    assert again["figures"][0]["revenue"]["amount"] == 2 * 2_999
    night(world)
    assert days(world)[was + 2 :] == [("2026-02-04", 1)]
    sequences = [each.sequence for each in logged(world) if '"2026-01-31"' in each.object]
    assert sequences == sorted(sequences)


@pytest.mark.spec("M-10")
def test_a_day_that_is_wrong_is_told_when_it_is_mended_and_holds_up_no_other(
    world: Watched,
) -> None:
    begin(world)
    world.buy()
    night(world)
    world.observe()
    wrong_cent(world, "2026-01-31", 1)
    for _ in range(2):
        failing_night(world)
    assert days(world) == [("2026-01-30", 1), ("2026-02-01", 1)]
    wrong_cent(world, "2026-01-31", -1)
    night(world)
    assert days(world)[2:] == [("2026-01-31", 1), ("2026-02-02", 1)]


@pytest.mark.spec("M-10")
def test_a_month_that_is_wrong_holds_up_no_day(world: Watched) -> None:
    """The figures of a day are those of its month's days, which are right."""
    begin(world)
    world.buy()
    night(world)
    world.observe()
    (of_month,) = [each for each in world.sums(length="month") if each.span == "2026-01"]
    world.store.commit(Change(of_month, replace(of_month, new=of_month.new + 1)))
    failing_night(world)
    assert days(world) == [("2026-01-30", 1), ("2026-01-31", 1)]


@pytest.mark.spec("M-10")
def test_many_days_that_are_wrong_hold_up_no_other(world: Watched) -> None:
    begin(world)
    world.buy()
    for _ in range(close.DAYS_MOST + 1):
        night(world)
    closed = [day for day, _ in days(world)]
    for day in closed:
        wrong = FigureSums("acme", day, Currency.USD, 9, test=True, revenue=1)
        world.store.commit(Insert(wrong))
    failing_night(world)
    newest = (date.fromisoformat(closed[-1]) + A_DAY).isoformat()
    assert days(world)[len(closed) :] == [(newest, 1)]


@pytest.mark.spec("M-10")
def test_nights_that_were_missed_are_made_up_for(world: Watched) -> None:
    begin(world)
    world.buy()
    for _ in range(2):
        night(world)
    world.now += 3 * A_DAY
    night(world)
    names = [day for day, _ in days(world)]
    assert names[:3] == ["2026-01-30", "2026-01-31", "2026-02-01"]
    assert names[-1] == "2026-02-04" and len(names) == 6


@pytest.mark.spec("M-10", "M-5")
def test_a_closed_day_goes_to_the_endpoints_that_want_it() -> None:
    world = Watched()
    hooks = Hooks(world, events=["figures.day_closed"])
    world.buy()
    for _ in range(2):
        night(world)
    assert [each.type for each in hooks.deliveries()] == 2 * ["figures.day_closed"]


@pytest.mark.spec("M-10")
@pytest.mark.parametrize("writes_left", range(3))
def test_a_process_that_dies_tells_a_day_no_second_time(world: Watched, writes_left: int) -> None:
    begin(world)
    world.buy()
    night(world)
    world.observe()
    world.now += A_DAY
    rebuild.begin_check(world.ports, now=world.now)
    world.sweep()
    items: Any = world.store._items
    write, left = items.write, [writes_left]

    def dies(transaction: Any) -> None:
        if not left[0]:
            raise Dead
        left[0] -= 1
        write(transaction)

    items.write = dies
    with suppress(Dead):
        world.tick()
    items.write = write
    for _ in range(3):
        world.now += timedelta(hours=1)
        world.tick()
    assert days(world) == [("2026-01-30", 1), ("2026-01-31", 1)]


def row(day: str, minor: int, *, shard: int = 0, currency: Currency = Currency.USD) -> FigureSums:
    return FigureSums("acme", day, currency, shard, revenue=minor, payments=1)


@pytest.mark.spec("M-10")
def test_a_digest_is_of_amounts_and_not_of_how_they_are_kept() -> None:
    one = closing.digest_of([row("2026-02-01", 3, shard=0), row("2026-02-01", 4, shard=1)])
    other = closing.digest_of([replace(row("2026-02-01", 7), payments=2)])
    assert one == other
    euros = closing.digest_of([replace(row("2026-02-01", 7, currency=Currency.EUR), payments=2)])
    assert euros != other
    assert closing.digest_of([]) == closing.digest_of([replace(row("2026-02-01", 0), payments=0)])


@pytest.mark.spec("M-10")
def test_days_between_that_were_not_told_are_told_and_first_days_are_the_last_one() -> None:
    empty = closing.digest_of([])
    assert closing.to_tell([], [], "2026-02-03") == [ClosedDay("2026-02-03", 1, empty)]
    known = [ClosedDay("2026-02-01", 1, empty), ClosedDay("2026-02-03", 2, "other")]
    assert closing.to_tell(known, [], "2026-02-03") == [
        ClosedDay("2026-02-02", 1, empty),
        ClosedDay("2026-02-03", 3, empty),
    ]
