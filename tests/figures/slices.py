"""Jobs that count figures again, slice by slice, and what they keep meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from billing.aws.sqs_queue import leases_of
from billing.figures.flows import rebuild
from billing.jobs import jobs
from billing.jobs.flows import sweep as jobs_sweep
from billing.jobs.flows import work
from billing.jobs.flows.work import Slice
from billing.jobs.jobs import Job
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert
from billing.runtime import job_kinds
from tests.figures.watched import Watched
from tests.hurry import Dead

DAY = "2026-01-31"


def compared(world: Watched) -> None:
    """Begins the night's comparison."""
    rebuild.begin_check(world.ports, now=world.now)


def one_slice(world: Watched, keep_going: Callable[[], bool] = lambda: False) -> Slice | None:
    """Does a slice of the next job that is due; None if there is none."""
    jobs_sweep.sweep(world.ports, now=world.now)
    if not world.jobs.bodies:
        return None
    (lease,) = leases_of(world.jobs.bodies.pop(0))
    return work.take(world.ports, job_kinds.KINDS, lease, now=world.now, keep_going=keep_going)


def slices(world: Watched, then: Callable[[], object] = lambda: None) -> int:
    """Does slices until nothing is due, `then` something after each; returns how many."""
    done = 0
    while one_slice(world) is not None:
        done += 1
        then()
        assert done < 1_000, "the job does not end"
    return done


def died(world: Watched) -> None:
    """Lets the lease of a slice end whose process died."""
    world.jobs.bodies.clear()
    world.now += jobs.LEASE + timedelta(seconds=1)


def dying(world: Watched, job: Callable[[], Job]) -> int:
    """Does slices until a job is over, some of which die; returns how many did."""
    deaths = 0
    for _ in range(200):
        if not job().is_live:
            return deaths
        try:
            one_slice(world)
        except Dead:
            deaths += 1
            died(world)
    raise AssertionError("the job does not end")


def night(world: Watched) -> Job:
    found = world.store.job("", rebuild.NIGHTLY)
    assert found is not None
    return found


def rebuilding(world: Watched) -> Job:
    found = world.store.job("acme", rebuild.JOB)
    assert found is not None
    return found


def kept(world: Watched) -> list[str]:
    return sorted(world.objects._objects)


def wrong_cent(world: Watched, minor: int = 1) -> None:
    row = next(each for each in world.sums() if each.span == DAY)
    world.store.commit(Change(row, replace(row, revenue=row.revenue + minor)))


def late_order(world: Watched, number: int = 0) -> None:
    """Brings an order of the day that the stream has as well."""
    order = world.orders("p0@example.com")[0]
    late = replace(order, id=f"late-{number}", at=order.at + timedelta(minutes=number))
    world.store.commit(Insert(late))
    world.observe()


class Counted:
    """A method of the store that counts its calls, and may do something before each."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, store: Any, name: str) -> None:
        self.calls = 0
        self.before: Callable[[], object] = lambda: None
        self._method = getattr(store, name)
        monkeypatch.setattr(store, name, self)

    def __call__(self, *of: Any, **more: Any) -> Any:
        self.calls += 1
        self.before()
        return self._method(*of, **more)
