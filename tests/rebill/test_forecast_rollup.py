"""More subscriptions than are read at once: forecast from the night's sums, which say so (R-10)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from billing.aws.sqs_queue import leases_of
from billing.jobs.flows import sweep, work
from billing.jobs.jobs import PLATFORM, JobState
from billing.kernel.list_rows import of_subscription
from billing.kernel.subscription import State
from billing.kernel.values import replace
from billing.kernel.writes import Insert
from billing.rebill.flows import forecast, forecast_rollup
from billing.runtime.job_kinds import KINDS
from tests.web.shop import Shop

MANY = forecast.LIVE_MOST + 150


@pytest.fixture
def shop() -> Shop:
    """A merchant with more subscriptions than are read at once; and one with a single one."""
    shop = Shop()
    world = shop.world
    world.buy()
    first = world.subscription()
    states = [State.ACTIVE, State.ACTIVE, State.PAST_DUE, State.CANCELLED]
    for n in range(MANY * 4 // 3):
        at = timedelta(hours=n % 700)
        made = replace(
            first,
            id=f"sub_many{n}",
            customer=f"cus_{n}",
            state=states[n % 4],
            started_at=first.started_at + timedelta(seconds=n % 1000),
            due_at=(first.due_at or world.now) + at,
        )
        world.store.commit(Insert(made), *map(Insert, of_subscription(made)))
    world.store.commit(Insert(replace(world.merchant, id="small", name="Small")))
    world.now += timedelta(hours=5)
    return shop


def at_night(shop: Shop) -> None:
    """Does the jobs of the night, slice by slice, to their end."""
    world = shop.world
    forecast_rollup.begin(world.ports, now=world.now)
    for _ in range(30):
        sweep.sweep(world.ports, now=world.now)
        while world.jobs.bodies:
            (lease,) = leases_of(world.jobs.bodies.pop(0))
            done = work.take(world.ports, KINDS, lease, now=world.now, keep_going=lambda: True)
            assert not done.errors, done
        world.now += timedelta(minutes=1)


def asked(shop: Shop, days: int = 60) -> Any:
    to = (shop.world.now + timedelta(days=days)).date().isoformat()
    answer = shop.api.get("/v1/forecast", to=to)
    assert answer.status == 200, answer.body
    return answer.json


@pytest.mark.spec("R-10")
def test_a_few_are_forecast_when_asked_for() -> None:
    few = Shop()
    few.world.buy()
    found = asked(few)
    assert found["complete"] and found["data"]
    assert found["as_of"] == few.world.now.isoformat().replace("+00:00", "Z")


@pytest.mark.spec("R-10")
def test_of_many_the_answer_is_the_nights_and_is_the_same(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not asked(shop)["complete"], "there are no sums yet"
    began = shop.world.now
    at_night(shop)
    found = asked(shop)
    assert found["complete"]
    assert found["as_of"] == began.isoformat().replace("+00:00", "Z")
    monkeypatch.setattr(forecast, "LIVE_MOST", 1_000_000)
    live = asked(shop)
    assert live["as_of"] != found["as_of"]
    assert [found["data"], found["totals"]] == [live["data"], live["totals"]]
    assert sum(day["charges"] for day in found["data"]) > MANY


@pytest.mark.spec("R-10")
def test_only_who_has_many_has_a_job(shop: Shop) -> None:
    at_night(shop)
    store = shop.world.store
    own = store.job("acme", forecast_rollup.JOB)
    assert own is not None and own.state is JobState.DONE
    assert store.job("small", forecast_rollup.JOB) is None
    assert store.forecast_rollup("acme", draft=True) is None


@pytest.mark.spec("R-10")
def test_the_next_night_replaces_it_and_not_before(shop: Shop) -> None:
    at_night(shop)
    first = shop.world.store.forecast_rollup("acme")
    at_night(shop)
    assert shop.world.store.forecast_rollup("acme") == first
    shop.world.now += timedelta(hours=24)
    at_night(shop)
    second = shop.world.store.forecast_rollup("acme")
    assert first is not None and second is not None
    assert second.as_of >= first.as_of + timedelta(hours=24)
    job = shop.world.store.job(PLATFORM, forecast_rollup.NIGHTLY)
    assert job is not None and job.state is JobState.DONE


@pytest.mark.spec("R-10")
def test_a_slice_that_is_repeated_counts_nothing_twice(shop: Shop) -> None:
    at_night(shop)
    wanted = shop.world.store.forecast_rollup("acme")
    assert wanted is not None
    job = shop.world.store.job("acme", forecast_rollup.JOB)
    assert job is not None
    again = replace(job, created_at=job.created_at + timedelta(seconds=1), cursor="")
    ports = shop.world.ports
    kind = KINDS[forecast_rollup.JOB]
    for killed_after in (1, 2, 1, 5):
        # Killed before its place is written: the next process begins with the same job.
        steps = kind.steps(ports, again, now=shop.world.now, keep_going=lambda: True)
        for _ in range(killed_after):
            next(steps, None)
    kind.finish(ports, again, now=shop.world.now, keep_going=lambda: True)
    kind.finish(ports, again, now=shop.world.now, keep_going=lambda: True)
    found = shop.world.store.forecast_rollup("acme")
    assert found is not None
    assert (found.as_of, found.days()) == (again.created_at, wanted.days())
    assert list(kind.steps(ports, again, now=shop.world.now, keep_going=lambda: True)) == []


@pytest.mark.spec("R-10")
def test_the_answer_reads_no_more_than_it_would_of_two_thousand(shop: Shop) -> None:
    at_night(shop)
    world = shop.world
    found = forecast.chargeable(world.ports, world.merchant, now=world.now)
    assert not forecast.is_live(found)
    assert len(found.data) <= forecast.LIVE_MOST + 200
