"""A merchant with a wall of renewals delays those of others by no more than a minute (R-1)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from bench import engine
from billing.aws.sqs_queue import leases_of
from billing.kernel.storage import Due
from billing.kernel.subscription import Subscription
from billing.kernel.values import replace
from billing.kernel.writes import Insert
from billing.rebill.flows import sweep
from tests.world import World

SECOND = timedelta(seconds=1)
MUCH_LATER = timedelta(days=400)
OTHERS = 100
NO_MORE_THAN = timedelta(minutes=1)


def sold(world: World, merchant: str, number: int, due_at: datetime) -> Subscription:
    own = f"{merchant}-{number}"
    return replace(
        engine.bought()[0],
        merchant=merchant,
        id=own,
        customer=own,
        due_at=due_at,
        shard=world.ports.shard_of(own),
    )


class Installation:
    """A sweep each minute, and workers that take what waits longest, at the gateway's pace.

    Its queue is a plain line: that SQS would let the others by is not relied upon.
    """

    def __init__(self, **operation: int) -> None:
        self.world = World(shards=4, limits=False, **operation)
        self.began = self.world.now
        self.taken: dict[str, datetime] = {}

    def sells(self, merchant: str, number: int, after: timedelta) -> None:
        each = sold(self.world, merchant, number, self.began + after)
        self.world.store.commit(Insert(each))

    def runs(self, minutes: int) -> None:
        world, credit = self.world, 0.0
        for second in range(minutes * 60):
            if second % 60 == 0:
                sweep.due(world.ports, now=world.now)
            credit += world.ports.operation.renewals_per_second
            while world.queue.bodies and credit >= 1:
                leases = leases_of(world.queue.bodies.pop(0))
                credit -= len(leases)
                self._charge(leases)
            credit = min(credit, 1.0) if not world.queue.bodies else credit
            world.now += SECOND

    def _charge(self, leases: list[Due]) -> None:
        for lease in leases:
            assert lease.owner[-1] not in self.taken, "taken once"
            self.taken[lease.owner[-1]] = self.world.now
        self.world.store.lease_each(leases, self.world.now + MUCH_LATER)


def others_of(wall: int, spread: timedelta, *, wall_before: timedelta) -> dict[str, datetime]:
    """Runs an installation with a wall of one merchant's, and returns when each other one's
    renewal was taken."""
    installation = Installation()
    for number in range(wall):
        after = spread * number / wall - wall_before
        installation.sells("wall", number, after)
    for number in range(OTHERS):
        installation.sells(f"other{number:03d}", number, number * 3 * SECOND)
    installation.runs(8)
    names = [f"other{number:03d}-{number}" for number in range(OTHERS)]
    return {name: installation.taken[name] for name in names}


@pytest.mark.spec("R-1")
@pytest.mark.parametrize(
    ("spread", "wall_before"),
    [
        (timedelta(0), timedelta(0)),
        (timedelta(0), timedelta(hours=1)),
        (timedelta(minutes=8), timedelta(0)),
        (timedelta(hours=2), timedelta(hours=2)),
    ],
    ids=["at once", "an hour ago", "as it goes", "for two hours"],
)
def test_a_wall_of_ten_thousand_delays_nobody_else_by_more_than_a_minute(
    spread: timedelta, wall_before: timedelta
) -> None:
    alone = others_of(0, spread, wall_before=wall_before)
    behind = others_of(10_000, spread, wall_before=wall_before)
    assert max(behind[name] - alone[name] for name in alone) <= NO_MORE_THAN


@pytest.mark.spec("R-1")
def test_a_wall_is_charged_at_the_gateways_pace_all_the_same() -> None:
    installation = Installation()
    for number in range(5_000):
        installation.sells("wall", number, timedelta(0))
    installation.runs(6)
    pace = installation.world.ports.operation.renewals_per_second
    assert len(installation.taken) >= 0.98 * pace * 6 * 60
