"""The pace at a gateway that takes 25 calls a second and answers after 300 ms.

Is it kept busy, is any call refused? In real threads and real time: the limit is the pace, not the
processor.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from threading import Lock
from typing import Any

from bench.engine import InstantGateway, renew, world_of
from billing.kernel.errors import Unreachable
from billing.kernel.gateways import ChargeOrder, Outcome
from billing.kernel.values import replace
from billing.runtime import wiring

CALLS_PER_SECOND = 25
LATENCY_SECONDS = 0.3


class LimitedGateway(InstantGateway):
    """A gateway that refuses a call when the second before it is full.

    It takes a limited number of calls in any second.
    """

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[float] = []
        self.refused = 0
        self._last: deque[float] = deque()
        self._lock = Lock()

    def prepare(self, order: ChargeOrder, *, key: str) -> str:
        self._take()
        return super().prepare(order, key=key)

    def confirm(self, reference: str, method: str, *, key: str, **others: Any) -> Outcome:
        self._take()
        return super().confirm(reference, method, key=key, **others)

    def _take(self) -> None:
        with self._lock:
            now = time.monotonic()
            while self._last and now - self._last[0] >= 1:
                self._last.popleft()
            if len(self._last) >= CALLS_PER_SECOND:
                self.refused += 1
                raise Unreachable("429")
            self._last.append(now)
            self.taken.append(now)
        time.sleep(LATENCY_SECONDS)


def paced(renewals: int) -> tuple[float, int, Counter[str]]:
    """Returns the share of the gateway's capacity that was used, and how many calls it refused."""
    world = world_of(renewals, gateway_calls_per_second=CALLS_PER_SECOND)
    gateway: Any = LimitedGateway()
    world.ports = replace(
        world.ports,
        gateway=lambda account: gateway,
        each=wiring.at_pace(CALLS_PER_SECOND),
        lanes=wiring.TWO_LANES,
    )
    tally = renew(world)
    elapsed = gateway.taken[-1] - gateway.taken[0]
    return (len(gateway.taken) - 1) / elapsed / CALLS_PER_SECOND, gateway.refused, tally
