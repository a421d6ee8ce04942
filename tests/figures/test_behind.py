"""A rebuild that overtakes the stream: what it booked is not booked a second time (M-10)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billing.figures.flows import rebuild
from billing.kernel.subscription import When
from tests.figures.watched import Watched


@pytest.mark.spec("M-10")
def test_an_end_that_a_rebuild_booked_before_the_stream_brings_it_is_booked_once() -> None:
    world = Watched()
    world.buy()
    world.observe()
    world.advance(days=40)
    world.cancel(When.NOW)
    rebuild.begin(world.ports, "acme", now=world.now)
    world.tick()
    world.observe()
    assert [(each.day.isoformat(), each.kind.value) for each in world.movements()] == [
        ("2026-01-31", "new"),
        ("2026-03-12", "churn"),
    ]
    assert world.total("customers_ended") == 1


@pytest.mark.spec("M-10")
def test_an_end_that_the_stream_has_lost_is_booked_by_a_rebuild() -> None:
    world = Watched()
    world.buy()
    world.observe()
    world.advance(days=40)
    world.cancel(When.NOW)
    world.read = len(world.records)
    world.now += timedelta(days=2)
    rebuild.begin(world.ports, "acme", now=world.now)
    world.tick()
    assert [(each.day.isoformat(), each.kind.value) for each in world.movements()] == [
        ("2026-01-31", "new"),
        ("2026-03-12", "churn"),
    ]
