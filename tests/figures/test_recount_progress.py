"""Progress of counts: kept between slices, and no dearer than before for small days (M-10)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from billing.figures import recounts
from billing.figures.cohorts import Series
from billing.figures.comparison import Difference
from billing.figures.flows import order_parts, recount, recount_slices
from billing.figures.recounts import Progress
from billing.figures.sums import FigureBook
from billing.jobs.flows import steps
from billing.kernel.errors import Conflict, Unavailable
from billing.kernel.flows import whole_lists
from billing.kernel.subscription import When
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert
from tests.figures.slices import Counted, compared, kept, night, one_slice, slices
from tests.figures.watched import Watched, by_day


@pytest.fixture
def world() -> Watched:
    return Watched()


def lively(world: Watched) -> FigureBook:
    """Lets customers buy, end and get a refund in some months; returns what figures rest on."""
    product = world.product()
    for name in ("ann", "ben", "cem"):
        world.buy(product, email=f"{name}@example.com")
        world.now += timedelta(hours=1)
    world.observe()
    world.advance(days=40)
    world.cancel(When.NOW, email="ben@example.com")
    world.advance(days=25)
    world.observe()
    (book,) = world.store.figure_books(["acme"])
    assert book is not None
    return book


def page_by_page(world: Watched, book: FigureBook, span: str) -> list[Difference]:
    """Compares with time for a page at a time, and keeps what there is after each."""
    progress = Progress()
    while True:
        found = recount.compare(
            world.ports, world.merchant, book, span, progress, keep_going=lambda: False
        )
        if found is not None:
            return found
        progress = recounts.read("acme", recounts.written(progress))


@pytest.mark.spec("M-10")
def test_each_day_and_month_is_the_same_in_parts_and_at_once(
    world: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = lively(world)
    for row in (world.sums()[0], world.sums(length="month")[-1], world.sums(series="RETENTION")[0]):
        world.store.commit(Change(row, replace(row, new=row.new + 7, churn=-3)))
    rows = [*world.sums(), *world.sums(length="month")]
    spans = sorted({row.span for row in rows})
    at_once = [recount.compare(world.ports, world.merchant, book, span) for span in spans]
    assert sum(map(bool, at_once)) >= 2
    monkeypatch.setattr(recount, "AT_ONCE", 1)
    monkeypatch.setattr(recount, "PAGES_LEAST", 1)
    assert [page_by_page(world, book, span) for span in spans] == at_once


@pytest.mark.spec("M-10")
def test_a_small_day_costs_no_more_though_time_is_over(
    world: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = world.product()
    for name in ("ann", "ben", "cem"):
        world.buy(product, email=f"{name}@example.com")
    world.observe()
    world.now += timedelta(days=2)
    orders = Counted(monkeypatch, world.store, "orders")
    movements = Counted(monkeypatch, world.store, "movements")
    sums = Counted(monkeypatch, world.store, "figure_spans")
    objects = [Counted(monkeypatch, world.objects, name) for name in ("get", "put", "delete")]
    compared(world)
    one_slice(world)
    assert night(world).done == 1, "the merchant was not done in one step"
    of_day, of_month, of_products = 2, 2 * (1 + len(Series)), 1 + 2
    assert (orders.calls, movements.calls) == (1, 2 * 2)
    assert sums.calls == 2 * (of_day + of_month + of_products)
    assert [each.calls for each in objects] == [0, 0, 0]


@pytest.mark.spec("M-10")
def test_a_page_that_failed_in_its_middle_is_read_again_and_counted_once(
    world: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = world.product()
    for number in range(5):
        world.buy(product, email=f"p{number}@example.com")
    world.observe()
    world.now += timedelta(days=2)
    monkeypatch.setattr(recount, "AT_ONCE", 2)
    taxes, asked = order_parts.refunded_taxes, 0

    def failing(*of: Any) -> int | None:
        nonlocal asked
        asked += 1
        if asked == 4:
            raise Unavailable("The table does not answer.")
        return taxes(*of)

    monkeypatch.setattr(order_parts, "refunded_taxes", failing)
    compared(world)
    slices(world)
    assert asked == 5 + 2, "the second page was not read again alone"
    assert (night(world).state, night(world).rounds, kept(world)) == ("done", 0, [])


@pytest.mark.spec("M-10")
def test_a_month_under_way_that_takes_long_is_compared_once_it_is_over(
    world: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.now += timedelta(days=3)
    product = world.product()
    for number in range(4):
        world.buy(product, email=f"p{number}@example.com")
    world.observe()
    monkeypatch.setattr(recount, "AT_ONCE", 1)
    monkeypatch.setattr(recount, "PAGES_LEAST", 1)
    (row,) = [each for each in world.sums(length="month") if each.span == "2026-02"]
    world.store.commit(Change(row, replace(row, new=row.new + 1)))
    for day, month, error in ((5, 2, None), (2, 3, "figures_differ")):
        world.now = world.now.replace(day=day, month=month)
        compared(world)
        slices(world)
        assert (night(world).rounds, night(world).error, kept(world)) == (
            *(int(error is not None), error),
            [],
        )


@pytest.mark.spec("M-10")
def test_what_is_mended_while_others_write_is_counted_again_some_times(
    world: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = lively(world)
    was, row = by_day(world.sums()), world.sums()[0]
    world.store.commit(Change(row, replace(row, revenue=row.revenue + 1)))
    add, refused = recount._add, 0

    def refusing(*of: Any) -> None:
        nonlocal refused
        refused += 1
        if refused % (recount.ATTEMPTS + 3):
            raise Conflict
        add(*of)

    monkeypatch.setattr(recount, "_add", refusing)
    with pytest.raises(Conflict):
        recount.mend(world.ports, world.merchant, book, row.span)
    assert refused == recount.ATTEMPTS
    assert recount.mend(world.ports, world.merchant, book, row.span) == 1
    assert by_day(world.sums()) == was


@pytest.mark.spec("M-10")
def test_a_cursor_in_the_middle_of_an_entry_is_before_it_for_older_code_too(
    world: Watched,
) -> None:
    assert recount_slices.place_in("") == ("", "", 0)
    assert recount_slices.place_in("merchants ") == ("merchants", "", 0)
    assert recount_slices.place_in("merchants acme") == ("merchants", "acme", 0)
    assert recount_slices.place_in("merchants acme 12") == ("merchants", "acme", 12)
    assert recount_slices.place_in("merchants  1") == ("merchants", "", 1)
    for name in ("acme-2", "acmes", "beta"):
        world.store.commit(Insert(replace(world.merchant, id=name, email=f"{name}@example.com")))
    for cursor, behind in (("merchants  1", ""), ("merchants acme 12", "acme")):
        _, place = steps.place_in(cursor)
        found = list(whole_lists.merchants(world.ports, after=place))
        assert found == list(whole_lists.merchants(world.ports, after=behind))
        assert found
