"""A job of ten thousand steps whose process is killed all the time: each step is done once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

import pytest

from billing.checkout.trials import TrialUse
from billing.jobs.jobs import LEASE, STEPS_AT_ONCE, Job, JobState
from billing.kernel.errors import Conflict, Unavailable
from billing.kernel.values import replace
from billing.kernel.writes import Insert
from billing.storage.memory.items import MemoryItems
from billing.storage.store import ItemStore
from tests.hurry import Dead
from tests.jobs.working import MINUTE, Shop

STEPS = 10_000


class MortalItems(MemoryItems):
    """Items that count the calls to them, and end the process or the connection at some."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[str] = Counter()
        self.killed: Counter[str] = Counter()
        self.fails: Callable[[], str | None] = lambda: None

    def _call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        self.asked[name] += 1
        how = self.fails()
        if how:
            self.killed[how] += 1
        if how == "before":
            raise Dead
        if how == "unavailable":
            raise Unavailable("simulated")
        found = getattr(super(), name)(*args, **kwargs)
        if how == "after":
            raise Dead
        return found

    def get(self, *args: Any) -> Any:
        return self._call("get", *args)

    def rows(self, *args: Any, **kwargs: Any) -> Any:
        return self._call("rows", *args, **kwargs)

    def write(self, *args: Any) -> Any:
        return self._call("write", *args)

    def move_due_dates(self, *args: Any) -> Any:
        return self._call("move_due_dates", *args)


def with_effects(length: int) -> tuple[Shop, MortalItems]:
    """A shop whose steps each insert an item, which a slice that died may have done."""
    shop = Shop()
    items = MortalItems()
    shop.store = ItemStore(items)
    shop.ports = replace(shop.ports, store=shop.store)

    def effect(job: Job, number: int) -> None:
        with suppress(Conflict):
            shop.ports.store.commit(Insert(TrialUse(job.owner, f"{number}", job.id, shop.now)))

    shop.before = effect
    shop.starts("acme", "a", length)
    return shop, items


def effects(items: MemoryItems) -> int:
    parts = items._partitions.values()
    return sum(isinstance(each, TrialUse) for part in parts for each in part.values())


def run_to_its_end(shop: Shop, job_id: str, *, runs: int) -> int:
    """Lets workers work, each of which may die; what is not done comes back by its lease."""
    for number in range(runs):
        shop.now += MINUTE
        with suppress(Dead, Unavailable):
            shop.sweeps()
        while shop.jobs.bodies:
            with suppress(Dead, Unavailable):
                shop.slice(STEPS_AT_ONCE)
        if shop.store._items._partitions and _state(shop, job_id) is JobState.DONE:  # type: ignore[attr-defined]
            return number
        if not shop.jobs.bodies:
            shop.now += LEASE
    raise AssertionError("it never comes to its end")


def _state(shop: Shop, job_id: str) -> JobState:
    items = shop.store._items
    fails, items.fails = items.fails, lambda: None  # type: ignore[attr-defined]
    try:
        return shop.job("acme", job_id).state
    finally:
        items.fails = fails  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "seed", [1, 2, 3, *(pytest.param(n, marks=pytest.mark.slow) for n in range(4, 12))]
)
def test_killed_at_any_point_many_times_each_of_ten_thousand_steps_is_done_once(seed: int) -> None:
    shop, items = with_effects(STEPS)
    chance = Random(seed)
    kinds = ("before", "after", "unavailable")
    items.fails = lambda: chance.choice(kinds) if chance.random() < 0.004 else None
    run_to_its_end(shop, f"a-{STEPS}", runs=2_000)
    items.fails = lambda: None
    job = shop.job("acme", f"a-{STEPS}")
    assert (job.done, job.left, job.failed, job.skipped) == (STEPS, 0, 0, 0)
    assert effects(items) == STEPS
    assert sum(items.killed.values()) > 30, "and it was killed"
    assert shop.line("acme").waiting == ()


def test_a_job_that_nothing_kills_costs_a_few_calls_for_each_slice() -> None:
    costs = {}
    for length in (1_000, 4_000):
        shop, items = with_effects(length)
        items.asked.clear()
        run_to_its_end(shop, f"a-{length}", runs=3)
        slices = length // STEPS_AT_ONCE + 1
        assert items.asked["write"] - length <= 2 * slices, "the lease, and the place"
        assert items.asked["get"] <= 2 * slices + 2, "the line, and the job"
        costs[length] = sum(items.asked.values()) - length
    assert costs[4_000] < 4.5 * costs[1_000]


def test_after_a_kill_no_more_is_repeated_than_one_slice() -> None:
    shop, items = with_effects(STEPS)
    chance = Random(7)
    items.fails = lambda: "after" if chance.random() < 0.002 else None
    run_to_its_end(shop, f"a-{STEPS}", runs=2_000)
    kills = items.killed["after"]
    assert kills > 10
    assert len(shop.acts) - STEPS <= kills * STEPS_AT_ONCE
