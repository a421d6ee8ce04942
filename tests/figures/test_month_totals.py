"""Totals of months: the same figures as their days give, whatever comes late (M-10)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import product as each_pair
from typing import Any

import pytest

from billing.figures import month_totals
from billing.figures.cohorts import Series
from billing.figures.flows import books, count_months, read, read_cohorts, rebuild
from billing.figures.month_totals import CountedMonth, Scope
from billing.figures.periods import Filter, Length
from billing.figures.sums import FigureBook
from billing.kernel.errors import Conflict
from billing.kernel.orders import Order
from billing.kernel.periods import Anchor
from billing.kernel.subscription import When
from billing.kernel.values import replace
from billing.kernel.walks import Seen
from billing.kernel.writes import Change
from tests.figures.watched import Watched

pytestmark = pytest.mark.spec("M-10")

FIRST, LAST = "2026-01", "2026-07"


@pytest.fixture
def world() -> Watched:
    world = Watched()
    gold, silver = world.product(), world.product()
    for name, sold in (("ann", gold), ("ben", silver), ("cem", gold)):
        world.buy(sold, email=f"{name}@example.com")
        world.now += timedelta(days=3)
        world.observe()
    for _ in range(12):
        world.advance(days=10)
        world.observe()
    world.cancel(When.NOW, email="ben@example.com")
    world.observe()
    world.advance(days=20)
    world.observe()
    return world


def book(world: Watched) -> FigureBook:
    return books.of(world.ports, ["acme"], now=world.now)["acme"]


def count(world: Watched) -> None:
    """Counts as so many nights do."""
    for _ in range(4):
        count_months.count_some(
            *(world.ports, world.merchant, book(world), world.now), lambda: True
        )


def counted(world: Watched) -> dict[str, str]:
    found = world.store.counted_months("acme", "0000-00", "9999-12", test=True)
    return {each.month: each.through for each in found}


def everything(world: Watched) -> list[Any]:
    """Returns all that is shown of all filters: by month, by day, and each series."""
    products = [each.id for each in world.store.catalog("acme")[0]]
    found: list[Any] = []
    for product, country in each_pair(("", *products, "prod_none"), ("", "US", "DE")):
        wanted = Filter("USD", product, country, test=True)
        for first in (FIRST, "2026-04"):
            for by in Length:
                seller = world.merchant
                found.append(read.figures(world.ports, seller, wanted, first, LAST, by))
        for series in Series:
            rows = read_cohorts.sums(world.ports, world.merchant, wanted, series, FIRST, LAST)
            found.append(month_totals.text_of(rows))
    return found


def test_counted_months_show_what_their_days_do(world: Watched) -> None:
    was = everything(world)
    assert not any(counted(world).values())
    count(world)
    assert everything(world) == was
    newest = month_totals.newest_counted(book(world), world.now)
    assert counted(world) == {
        month: min(month_totals.last_day(month), newest)
        for month in ("2026-01", "2026-02", "2026-03", "2026-04", "2026-05", "2026-06")
    }
    assert any(found.sums["revenue"] for found in was[1])


def test_a_month_under_way_is_its_total_and_the_days_after_it(world: Watched) -> None:
    count(world)
    world.buy(email="dee@example.com")
    world.observe()
    kept = everything(world)
    assert sum(each.movements["new"] for each in kept[1]) == 4 * 2_999
    forget(world)
    assert everything(world) == kept


def forget(world: Watched) -> None:
    """Notes each month as not counted, as those of before there were totals are."""
    months = [(month, True) for month in counted(world)]
    world.store.commit(*count_months.outdating(world.ports, "acme", months))


def late_order(world: Watched) -> Order:
    """Returns an old payment, as a record brings it again with another amount."""
    order = next(each for each in world.orders("ann@example.com") if each.kind == "rebill")
    assert order.at < world.now - timedelta(days=20)
    return order


def bring(world: Watched, order: Order) -> None:
    before, world.read = len(world.records), len(world.records)
    dearer = replace(order.amount, amount_minor=order.amount.amount_minor + 100)
    world.store.commit(Change(order, replace(order, amount=dearer)))
    assert len(world.records) == before + 1
    world.observe()


def test_what_comes_late_is_on_its_own_day_at_once(world: Watched) -> None:
    count(world)
    was = everything(world)
    order = late_order(world)
    bring(world, order)
    month = order.at.date().isoformat()[:7]
    assert counted(world)[month] == ""
    now = everything(world)
    (found,) = [each for each in now[1] if each.period == month]
    (before,) = [each for each in was[1] if each.period == month]
    assert found.sums["revenue"] == before.sums["revenue"] + 100
    count(world)
    assert counted(world)[month] == month_totals.last_day(month)
    assert everything(world) == now


def test_a_batch_that_died_before_it_noted_what_is_late_notes_it_again(
    world: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    count(world)
    order = late_order(world)

    def dies(*_: object) -> None:
        raise RuntimeError("dead")

    with monkeypatch.context() as patched:
        patched.setattr(count_months, "note_late", dies)
        with pytest.raises(RuntimeError):
            bring(world, order)
    month = order.at.date().isoformat()[:7]
    assert counted(world)[month] != ""
    world.observe(world.records[-1:])
    assert counted(world)[month] == ""


def test_a_late_movement_is_noted_with_it(world: Watched) -> None:
    count(world)
    world.cancel(When.NOW, email="cem@example.com")
    world.now += timedelta(days=40)
    month = world.records[-1].at.date().isoformat()[:7]
    world.observe()
    assert counted(world)[month] == ""
    kept = everything(world)
    count(world)
    assert everything(world) == kept


def test_what_comes_late_while_a_month_is_counted_is_not_lost(
    world: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = late_order(world)
    month = order.at.date().isoformat()[:7]
    totals = count_months._totals
    came: list[str] = []

    def meanwhile(of: CountedMonth, *arguments: Any) -> Any:
        found = totals(of, *arguments)
        if of.month == month and of.test and not came:
            came.append(month)
            bring(world, order)
        return found

    monkeypatch.setattr(count_months, "_totals", meanwhile)
    products = [each.id for each in world.store.catalog("acme")[0]]
    through = month_totals.last_day(month)
    with pytest.raises(Conflict):
        count_months.count(world.ports, "acme", products, month, through, test=True)
    kept = everything(world)
    count(world)
    assert everything(world) == kept


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Niue", "America/New_York"])
def test_what_is_not_late_is_read_before_its_day_is_counted(world: Watched, zone: str) -> None:
    kept = book(world)
    there = replace(kept, zones=(replace(kept.zones[0], zone=zone),))
    for hours in range(48):
        now = world.now + timedelta(hours=hours)
        day = month_totals.newest_counted(there, now)
        reads_until = now - timedelta(hours=23)
        assert month_totals.is_late(there, day, reads_until)
        today = Anchor.at(now, zone).wall.date().isoformat()
        assert not month_totals.is_late(there, today, now)


def test_mending_a_day_has_its_month_counted_again(world: Watched) -> None:
    count(world)
    was = everything(world)
    row = next(each for each in world.sums() if each.revenue)
    world.store.commit(Change(row, replace(row, revenue=row.revenue + 1)))
    rebuild.begin(world.ports, "acme", now=world.now)
    world.tick()
    assert counted(world)[row.span[:7]] == ""
    assert everything(world) == was


def test_a_total_that_is_wrong_is_found_in_turn(world: Watched) -> None:
    count(world)
    was = everything(world)
    (total,) = world.store.month_totals("acme", "2026-02", "2026-02", Scope(), "", test=True)
    world.store.commit(Change(total, replace(total, sums="[]")))
    assert everything(world) != was
    for _ in counted(world):
        world.now += timedelta(days=1)
        count_months.count_some(
            *(world.ports, world.merchant, book(world), world.now), lambda: True
        )
    (after,) = world.store.month_totals("acme", "2026-02", "2026-02", Scope(), "", test=True)
    assert after == total


def test_the_nightly_comparison_counts_months(world: Watched) -> None:
    rebuild.begin_check(world.ports, now=world.now)
    world.tick()
    job = world.store.job("", rebuild.NIGHTLY)
    assert job is not None and job.state == "done", job
    assert len([each for each in counted(world).values() if each]) == count_months.A_NIGHT_MOST


def test_a_night_without_time_counts_one_month_after_the_other(world: Watched) -> None:
    months: list[int] = []
    for _ in range(100):
        seen = count_months.count_some(
            *(world.ports, world.merchant, book(world), world.now), lambda: False
        )
        found = [
            each
            for test in (False, True)
            for each in world.store.counted_months("acme", "0000-00", "9999-12", test=test)
        ]
        months.append(len([each for each in found if each.through]))
        if seen is Seen.FINISHED:
            break
    assert months == list(range(1, months[-1] + 1))
    assert len(months) == 2 * len(counted(world)) > count_months.A_NIGHT_MOST


def test_a_page_reads_one_item_of_a_counted_month(world: Watched) -> None:
    count(world)
    read_items = 0
    items: Any = world.store._items
    query: Callable[..., list[Any]] = items.query

    def metered(partition: Any, **options: Any) -> list[Any]:
        nonlocal read_items
        found = query(partition, **options)
        read_items += len(found)
        return found

    items.query = metered
    wanted = Filter("USD", "", "US", test=True)
    read.figures(world.ports, world.merchant, wanted, FIRST, "2026-05", Length.MONTH)
    months = 5
    assert read_items == 2 * months


def test_an_old_merchants_months_before_totals_are_read_by_their_days(world: Watched) -> None:
    was = everything(world)
    count_months.count_some(*(world.ports, world.merchant, book(world), world.now), lambda: True)
    some = [month for month, through in counted(world).items() if through]
    assert len(some) == count_months.A_NIGHT_MOST and "2026-01" not in some
    assert everything(world) == was
