"""Figures counted again from orders and movements: the same cents as the stream's (M-10)."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from billing.aws.sqs_queue import leases_of
from billing.figures.comparison import FiguresDiffer
from billing.figures.flows import rebuild, recount
from billing.jobs import jobs
from billing.jobs.flows import sweep as jobs_sweep
from billing.jobs.flows import work
from billing.jobs.flows.start import start
from billing.kernel.flows import whole_lists
from billing.kernel.subscription import When
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Remove
from billing.runtime import job_kinds
from tests.figures.watched import Watched, by_day


@pytest.fixture
def world() -> Watched:
    return Watched()


def live(world: Watched) -> None:
    """Lets three customers buy, one of them end and one get a refund."""
    product = world.product()
    for name in ("ann", "ben", "cem"):
        world.buy(product, email=f"{name}@example.com")
        world.now += timedelta(days=3)
    world.advance(days=50)
    world.cancel(When.NOW, email="ben@example.com")
    world.advance(days=40)


def rebuilt(world: Watched) -> None:
    rebuild.begin(world.ports, "acme", now=world.now)
    world.tick()
    job = world.store.job("acme", rebuild.JOB)
    assert job is not None and job.state == "done", job


def all_sums(world: Watched) -> list[dict[tuple[str, str], int]]:
    product = world.store.catalog("acme")[0][0].id
    return [
        by_day(world.sums(product=part, length=length))
        for part in ("", product)
        for length in ("day", "month")
    ]


def forget(world: Watched) -> None:
    """Removes all sums, as if they had been lost."""
    product = world.store.catalog("acme")[0][0].id
    for part in ("", product):
        for length in ("day", "month"):
            for row in world.sums(product=part, length=length):
                world.store.commit(Remove(row))


@pytest.mark.spec("M-10")
def test_a_rebuild_gives_the_same_cents_as_the_stream(world: Watched) -> None:
    live(world)
    world.observe()
    was, moved = all_sums(world), world.movements()
    forget(world)
    assert all_sums(world) == [{}, {}, {}, {}]
    rebuilt(world)
    assert all_sums(world) == was
    assert world.movements() == moved


@pytest.mark.spec("M-10")
def test_sums_of_all_that_are_lost_alone_are_put_back_alone(world: Watched) -> None:
    live(world)
    world.observe()
    was = all_sums(world)
    for length in ("day", "month"):
        for row in world.sums(length=length):
            world.store.commit(Remove(row))
    rebuilt(world)
    assert all_sums(world) == was


@pytest.mark.spec("M-10")
def test_a_day_without_sums_is_compared_without_a_question_for_each_product(
    world: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(world)
    for _ in range(20):
        world.product()
    world.observe()
    asked = 0
    spans = type(world.store).figure_spans

    def counted(*of: Any, **more: Any) -> Any:
        nonlocal asked
        asked += 1
        return spans(*of, **more)

    monkeypatch.setattr(type(world.store), "figure_spans", counted)
    (book,) = world.store.figure_books(["acme"])
    assert book is not None
    assert recount.compare(world.ports, world.merchant, book, "2026-02-01") == []
    of_live_and_test, before_and_after = 2, 2
    assert asked == of_live_and_test * before_and_after


@pytest.mark.spec("M-10")
def test_a_rebuild_of_what_is_right_writes_nothing(world: Watched) -> None:
    live(world)
    world.observe()
    was = world.sums(), world.sums(length="month"), world.movements()
    rebuilt(world)
    assert (world.sums(), world.sums(length="month"), world.movements()) == was


@pytest.mark.spec("M-10")
def test_what_was_sold_before_there_were_figures_is_booked_on_its_own_days(
    world: Watched,
) -> None:
    live(world)
    rebuilt(world)
    early = [(e.day.isoformat(), e.kind.value, e.minor) for e in world.movements()]
    assert early == [
        ("2026-01-31", "new", 2_999),
        ("2026-02-03", "new", 2_999),
        ("2026-02-06", "new", 2_999),
        ("2026-03-31", "churn", -2_999),
    ]
    paid = {"sale", "rebill"}
    orders = [o for n in ("ann", "ben", "cem") for o in world.orders(f"{n}@example.com")]
    assert world.total("payments") == sum(o.kind in paid for o in orders)
    again = all_sums(world)
    rebuilt(world)
    assert all_sums(world) == again


@pytest.mark.spec("M-10")
def test_a_subscription_from_before_figures_begins_with_its_first_change(world: Watched) -> None:
    world.buy()
    world.records.clear()
    world.advance(days=40)
    world.cancel(When.NOW)
    world.tick()
    world.observe()
    assert [(e.day.isoformat(), e.kind.value) for e in world.movements()] == [
        ("2026-01-31", "new"),
        ("2026-03-12", "churn"),
    ]


@pytest.mark.spec("M-10")
def test_the_nightly_comparison_finds_a_wrong_cent_and_its_job_fails(world: Watched) -> None:
    live(world)
    world.observe()
    world.buy(email="dee@example.com")
    world.observe()
    world.now += timedelta(days=2)
    rebuild.begin_check(world.ports, now=world.now)
    world.tick()
    job = world.store.job("", rebuild.NIGHTLY)
    assert job is not None and (job.state, job.done) == ("done", 2), job

    day = (world.now - timedelta(days=2)).date().isoformat()
    (row,) = [r for r in world.sums() if r.span == day]
    world.store.commit(Change(row, replace(row, revenue=row.revenue + 1)))
    assert rebuild.begin_check(world.ports, now=world.now) == {}
    world.now += timedelta(hours=23)
    job = jobs.new("", rebuild.NIGHTLY, rebuild.NIGHTLY, world.now - timedelta(hours=23))
    start(world.ports, job, now=world.now)
    for _ in range(8):
        with suppress(FiguresDiffer):  # the job's own error, which the world shows at once
            world.tick()
        world.now += timedelta(hours=2)
    failed = world.store.job("", rebuild.NIGHTLY)
    assert failed is not None
    assert (failed.state, failed.error) == ("failed", "figures_differ")


@pytest.mark.spec("M-10")
def test_the_nightly_comparison_reads_only_the_merchants_that_follow(
    world: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("beta", "gamma", "delta", "zeta"):
        world.store.commit(Insert(replace(world.merchant, id=name, email=f"{name}@example.com")))
    monkeypatch.setattr(whole_lists, "AT_ONCE", 2)
    found = [name for _, name in whole_lists.merchants(world.ports, after="")]
    assert found == sorted(found) and set(found) >= {"acme", "beta", "gamma", "delta", "zeta"}
    assert [name for _, name in whole_lists.merchants(world.ports, after="delta")] == [
        name for name in found if name > "delta"
    ]
    monkeypatch.delattr(type(world.store), "merchants")
    rebuild.begin_check(world.ports, now=world.now)
    world.tick()
    job = world.store.job("", rebuild.NIGHTLY)
    assert job is not None and (job.state, job.seen) == ("done", 2 * len(found))


@pytest.mark.spec("M-10")
def test_a_day_of_very_many_orders_is_compared_in_as_many_slices_as_it_needs(
    world: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slice that does not end in time is killed, and after six the night's job has failed: then
    no merchant behind this one is compared, told of closed days, or has months counted."""
    product = world.product()
    for number in range(6):
        world.buy(product, email=f"p{number}@example.com")
    world.observe()
    monkeypatch.setattr(recount, "AT_ONCE", 1)
    orders, pages = world.store.orders, 0

    def counted(*of: Any, **more: Any) -> Any:
        nonlocal pages
        pages += 1
        return orders(*of, **more)

    monkeypatch.setattr(world.store, "orders", counted)
    world.now += timedelta(days=2)
    rebuild.begin_check(world.ports, now=world.now)
    jobs_sweep.sweep(world.ports, now=world.now)
    (lease,) = leases_of(world.jobs.bodies.pop())
    over = work.take(
        world.ports, job_kinds.KINDS, lease, now=world.now, keep_going=lambda: pages < 3
    )
    assert over.job is not None
    assert (over.job.state, pages) == ("running", 3)
