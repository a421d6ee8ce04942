"""Calls at a gateway's pace: never more in a second than it takes, whoever makes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Lock
from time import monotonic, sleep

import pytest

from billing.aws.sqs_queue import leases_of
from billing.kernel.errors import Unavailable
from billing.kernel.outbox_events import EventKind
from billing.kernel.values import replace
from billing.rebill.flows import charge
from billing.runtime import correlation
from billing.runtime.settings import Settings
from billing.runtime.wiring import TWO_LANES, at_pace
from tests.world import World

PER_SECOND = 100


@pytest.mark.spec("R-1")
def test_no_second_has_more_calls_than_the_gateway_takes() -> None:
    each, begun, lock = at_pace(PER_SECOND), [], Lock()

    def call(number: int) -> int:
        with lock:
            begun.append(monotonic())
        sleep(0.05)
        return number * 2

    with ThreadPoolExecutor(2) as callers:  # two batches of one process share the pace
        answers = list(callers.map(lambda n: each(call, range(n, n + 60)), (0, 60)))
    assert answers == [[2 * n for n in range(60)], [2 * n for n in range(60, 120)]]
    begun.sort()
    assert begun[-1] - begun[0] >= 119 / PER_SECOND


def test_one_call_s_outage_is_no_other_s() -> None:
    outage = Unavailable("no answer")

    def call(number: int) -> int:
        if number == 1:
            raise outage
        return number

    assert at_pace(PER_SECOND)(call, range(3)) == [0, outage, 2]
    assert at_pace(PER_SECOND)(call, []) == []


@pytest.mark.spec("R-1")
def test_one_that_wakes_up_late_does_not_crowd_the_second_after_it() -> None:
    begun: list[float] = []

    def call(number: int) -> None:
        begun.append(monotonic())

    each = at_pace(20)
    each(call, range(10))
    sleep(0.4)  # nothing to do for a while: the turns that pass are lost
    each(call, range(30))
    begun.sort()
    assert min(later - begun[n] for n, later in enumerate(begun[20:])) >= 1


@pytest.mark.spec("R-1")
def test_two_lanes_charge_each_once_and_keep_what_names_their_cause() -> None:
    world = World(shards=1)
    world.ports = replace(world.ports, lanes=TWO_LANES)
    product = world.product()
    for number in range(7):
        world.buy(product, email=f"{number}@example.com")
    world.work()
    world.now += timedelta(days=28)
    world.sweep()
    leases = [lease for body in world.queue.bodies for lease in leases_of(body)]
    with correlation.under("tick-9"):
        assert charge.charge(world.ports, leases, now=world.now)["paid"] == 7
    facts = world.store.undelivered(0, world.now, 50)
    assert {(fact.kind, fact.correlation) for fact in facts} == {(EventKind.RENEWED, "tick-9")}
    assert len(world.charges()) == 14


def test_what_breaks_in_a_lane_is_raised_when_the_other_is_done() -> None:
    done: list[str] = []

    def work(batch: Sequence[str]) -> Counter[str]:
        if batch == ["broken"]:
            raise KeyError("broken")
        sleep(0.05)
        done.extend(batch)
        return Counter()

    with pytest.raises(KeyError):
        TWO_LANES.run(work, [["broken"], ["good"]])  # type: ignore[arg-type,list-item]
    assert done == ["good"]


NAMES = {
    name: name.lower()
    for name in ("TABLE_CORE", "TABLE_EPHEMERAL", "TABLE_AUDIT", "BUCKET_OBJECTS")
}


def test_there_is_no_pace_unless_it_is_asked_for() -> None:
    assert Settings.from_environ(NAMES).calls_per_second == 0
    paced = Settings.from_environ({**NAMES, "GATEWAY_CALLS_PER_WORKER": "12"})
    assert paced.calls_per_second == 12


@pytest.mark.spec("R-1")
@pytest.mark.parametrize(
    ("workers", "pace", "renewals"), [("5", "0", 62.5), ("2", "12", 12), ("90", "0", 1125)]
)
def test_the_sweep_measures_by_what_all_workers_take_and_has_no_pace_itself(
    workers: str, pace: str, renewals: float
) -> None:
    swept = {**NAMES, "CHARGE_WORKERS": workers, "CALLS_OF_A_CHARGE_WORKER": pace}
    settings = Settings.from_environ(swept)
    assert settings.operation.renewals_per_second == renewals
    assert settings.calls_per_second == 0
