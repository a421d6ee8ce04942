"""Days and months that are counted again in as many slices of a job as they need (M-10)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from billing.figures.flows import rebuild, recount
from billing.jobs import jobs
from billing.jobs.flows import work
from billing.kernel.objects import EXPORTS
from billing.kernel.values import replace
from billing.kernel.writes import Change
from tests.event_log.logs import begin, logged
from tests.figures.slices import (
    DAY,
    Counted,
    compared,
    dying,
    kept,
    late_order,
    night,
    one_slice,
    rebuilding,
    slices,
    wrong_cent,
)
from tests.figures.watched import Watched, by_day
from tests.hurry import Dead

BUYERS = 4


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Watched:
    """Some customers bought on one day, which is now to be compared, page by page of one entry."""
    world = Watched()
    product = world.product()
    begin(world)
    for number in range(BUYERS):
        world.buy(product, email=f"p{number}@example.com")
    world.observe()
    world.now += timedelta(days=2)
    monkeypatch.setattr(recount, "AT_ONCE", 1)
    monkeypatch.setattr(recount, "PAGES_LEAST", 1)
    return world


@pytest.mark.spec("M-10")
def test_a_day_over_many_slices_is_right_and_closed_and_leaves_nothing_behind(
    world: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = Counted(monkeypatch, world.store, "orders")
    seen: set[str] = set()
    compared(world)
    done = slices(world, lambda: seen.update(kept(world)))
    assert (night(world).state, night(world).error) == ("done", None)
    assert (orders.calls, done > BUYERS, kept(world)) == (BUYERS, True, [])
    assert seen and all(name.startswith(f"{EXPORTS}/acme/figures_check-") for name in seen)
    assert [each.object.count(DAY) > 0 for each in logged(world)][-1]


@pytest.mark.spec("M-10")
def test_a_slice_keeps_no_more_than_what_the_one_before_had_and_its_own(world: Watched) -> None:
    compared(world)
    most = 0

    def look() -> None:
        nonlocal most
        most = max(most, len(kept(world)))

    slices(world, look)
    assert most == 2


@pytest.mark.spec("M-10")
def test_a_slice_that_dies_in_the_middle_is_repeated_without_double_counts(
    world: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = Counted(monkeypatch, world.store, "orders")

    def die() -> None:
        if orders.calls in {2, 4}:
            raise Dead

    orders.before = die
    compared(world)
    deaths = dying(world, lambda: night(world))
    assert (deaths, orders.calls) == (2, BUYERS + deaths)
    assert (night(world).state, night(world).error, kept(world)) == ("done", None, [])


@pytest.mark.spec("M-10")
@pytest.mark.parametrize("keeps", range(1, 6))
def test_a_slice_that_dies_once_its_progress_is_kept_is_repeated_without_double_counts(
    world: Watched, monkeypatch: pytest.MonkeyPatch, keeps: int
) -> None:
    """The next slice begins where the cursor is, and keeps its own under the same number."""
    puts = Counted(monkeypatch, world.objects, "put")
    save, is_dead = work._save, False

    def die_once(*of: Any) -> Any:
        nonlocal is_dead
        if puts.calls == keeps and not is_dead:
            is_dead = True
            raise Dead
        return save(*of)

    monkeypatch.setattr(work, "_save", die_once)
    compared(world)
    assert dying(world, lambda: night(world)) == 1
    assert (night(world).state, night(world).error, kept(world)) == ("done", None, [])


@pytest.mark.spec("M-10")
def test_a_progress_that_is_gone_has_its_day_counted_from_the_beginning(world: Watched) -> None:
    compared(world)
    for _ in range(4):
        one_slice(world)
    assert kept(world)
    world.objects._objects.clear()
    slices(world)
    assert (night(world).state, night(world).error, kept(world)) == ("done", None, [])


@pytest.mark.spec("M-10")
def test_a_progress_in_another_form_has_its_day_counted_from_the_beginning(
    world: Watched,
) -> None:
    compared(world)
    for _ in range(4):
        one_slice(world)
    for name, was in world.objects._objects.items():
        world.objects._objects[name] = replace(was, content=b'{"done": [], "rows": 7}')
    slices(world)
    assert (night(world).state, night(world).error, kept(world)) == ("done", None, [])


@pytest.mark.spec("M-10")
def test_a_day_whose_sums_change_between_slices_is_counted_again(
    world: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = Counted(monkeypatch, world.store, "orders")
    compared(world)
    while orders.calls < 2:
        one_slice(world)
    late_order(world)
    slices(world)
    assert orders.calls > BUYERS + 1, "it was not counted again"
    assert (night(world).state, night(world).error, kept(world)) == ("done", None, [])


@pytest.mark.spec("M-10")
def test_a_day_that_never_rests_is_left_for_another_round(
    world: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = Counted(monkeypatch, world.store, "orders")

    def more() -> None:
        if not night(world).rounds:
            wrong_cent(world)

    compared(world)
    slices(world, more)
    pages = BUYERS * recount.ATTEMPTS
    assert (night(world).rounds, orders.calls, kept(world)) == (1, pages, [])
    row = next(each for each in world.sums() if each.span == DAY)
    wrong_cent(world, BUYERS * 2_999 - row.revenue)
    world.now += timedelta(hours=1)
    slices(world)
    assert (night(world).state, orders.calls, kept(world)) == ("done", pages + BUYERS, [])


@pytest.mark.spec("M-10")
def test_a_wrong_day_is_found_across_slices_and_its_job_fails(world: Watched) -> None:
    wrong_cent(world)
    compared(world)
    for _ in range(jobs.FAILS_AFTER):
        slices(world)
        world.now += timedelta(hours=2)
    assert (night(world).state, night(world).error) == ("failed", "figures_differ")
    assert kept(world) == []


@pytest.mark.spec("M-10")
def test_a_wrong_day_and_month_are_mended_across_slices(world: Watched) -> None:
    was = by_day(world.sums()), by_day(world.sums(length="month"))
    wrong_cent(world)
    of_month = world.sums(length="month")[0]
    world.store.commit(Change(of_month, replace(of_month, new=of_month.new - 5)))
    rebuild.begin(world.ports, "acme", now=world.now)
    done = slices(world)
    assert (rebuilding(world).state, rebuilding(world).done) == ("done", 2)
    assert (by_day(world.sums()), by_day(world.sums(length="month"))) == was
    assert (done > BUYERS, kept(world)) == (True, [])


@pytest.mark.spec("M-10")
def test_what_is_mended_twice_is_counted_again_first(
    world: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that dies once it has mended a day has it counted again, and finds it right."""
    was = by_day(world.sums())
    wrong_cent(world)
    add, is_dead = recount._add, False

    def die_once(*of: Any) -> None:
        nonlocal is_dead
        add(*of)
        if not is_dead and of[1]:
            is_dead = True
            raise Dead

    monkeypatch.setattr(recount, "_add", die_once)
    rebuild.begin(world.ports, "acme", now=world.now)
    assert dying(world, lambda: rebuilding(world)) == 1
    assert rebuilding(world).state == "done"
    assert (by_day(world.sums()), kept(world)) == (was, [])
