"""Calls at a gateway's pace: never more in a second than it takes, whoever makes them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from time import monotonic, sleep

import pytest

from billing.errors import Unavailable
from billing.runtime.settings import Settings
from billing.runtime.wiring import at_pace

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


def test_there_is_no_pace_unless_it_is_asked_for() -> None:
    tables = {f"TABLE_{name}": name for name in ("CORE", "EPHEMERAL", "AUDIT")}
    assert Settings.from_environ(tables).calls_per_second == 0
    paced = Settings.from_environ({**tables, "GATEWAY_CALLS_PER_WORKER": "12"})
    assert paced.calls_per_second == 12
