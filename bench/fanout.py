"""The fan-out from due subscriptions to the queue and the gateway, at scale.

The real sweep is measured on what fits in memory; the deployment beyond that is simulated minute by
minute, with the limits of Lambda, SQS and the gateway as parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from statistics import median
from time import process_time

from billing.aws.sqs_queue import LEASES_PER_MESSAGE
from billing.kernel.storage import Due
from billing.kernel.values import Value, replace
from billing.rebill.flows import sweep as rebill_sweep
from tests.world import World

CALLS_PER_RENEWAL = 2
OF_EACH_END = 3
"""The ticks whose median is compared: one alone differs by as much as a third from the next."""


class CountingQueue:
    """A queue that keeps who was enqueued, and counts who was twice."""

    def __init__(self) -> None:
        self.owners: set[tuple[str, ...]] = set()
        self.doubled = 0

    def send(self, leases: Sequence[Due]) -> None:
        for lease in leases:
            self.doubled += lease.owner in self.owners
            self.owners.add(lease.owner)

    def waiting(self) -> int:
        return 0  # what a sweep costs is measured, not how long the workers take


class Swept(Value):
    """The result of the sweeps of equal due dates, in CPU seconds.

    `slowdown` is the cost of the last ticks against the first: of three at each end, the median.
    """

    enqueued: int
    doubled: int
    seconds: float
    slowdown: float


def sweep(world: World, ticks: int = 10) -> Swept:
    """Enqueues all that is due in about so many ticks, by the product's own sweep."""
    queue = CountingQueue()
    ports = replace(world.ports, queue=queue)
    spent: list[float] = []
    while True:
        began = process_time()
        tally = rebill_sweep.due(ports, now=world.now)
        if not tally["due"]:
            break
        spent.append(process_time() - began)
    full = spent[: ticks - 1]
    first, last = median(full[:OF_EACH_END]), median(full[-OF_EACH_END:])
    return Swept(len(queue.owners), queue.doubled, sum(spent), last / first)


class Limits(Value):
    """The limits of account and gateway. Rates are per second; `workers` is ChargeConcurrency.

    `seconds_per_batch` is a worker's time for a message's claims beside the gateway's.
    """

    gateway_calls: int
    workers: int
    latency_seconds: float = 0.3
    calls_side_by_side: int = 8
    sweep_seconds: float = 35.0
    leases_taken: int = 1_500
    messages_kept: int = 120_000
    starts_of_workers: float = 1_000 / 10


class Drained(Value):
    """The result of charging many subscriptions that are due at once."""

    due: int
    hours: float
    deepest_queue: int
    workers: int
    limited_by: str


def drained(due: int, limits: Limits) -> Drained:
    """Simulates charging minute by minute.

    A sweep claims what fits into it and is not yet too much for the gateway, and the workers, as
    many as have started, charge what the gateway takes.
    """
    by_gateway = limits.gateway_calls / CALLS_PER_RENEWAL
    of_one = limits.calls_side_by_side / limits.latency_seconds / CALLS_PER_RENEWAL
    by_workers = limits.workers * of_one
    most_leased = by_gateway * 60
    left, queued, charged = float(due), 0.0, 0.0
    minutes = deepest = 0
    while charged < due:
        started = min(limits.workers, limits.starts_of_workers * 60 * (minutes + 1))
        room = min(most_leased, limits.messages_kept * LEASES_PER_MESSAGE) - queued
        taken = max(0.0, min(left, limits.leases_taken * limits.sweep_seconds, room))
        left, queued = left - taken, queued + taken
        deepest = max(deepest, ceil(queued))
        done = min(queued, 60 * min(by_gateway, started * of_one))
        queued, charged = queued - done, charged + done
        minutes += 1
    by_sweep = limits.leases_taken * limits.sweep_seconds / 60
    rates = {"gateway": by_gateway, "workers": by_workers, "sweep": by_sweep}
    slowest = min(rates, key=lambda name: rates[name])
    needed = ceil(min(rates.values()) / of_one)
    return Drained(due, minutes / 60, deepest, min(needed, limits.workers), slowest)
