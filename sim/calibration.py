"""A fixed loop of plain Python, by whose time a simulation's speed is told on any machine.

A shared or a slower machine slows the loop as it slows the simulator, so subscription-years per
loop compare where years per second do not. The loop must never change: figures rest on it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from statistics import median

from billing.kernel.values import Value
from sim.run import Result, run
from sim.virtual_clock import SECOND

PASSES_A_UNIT = 100
"""The passes of the loop in one unit: about a second of an idle processor of 2026."""

_ROUNDS = 6_000


class Measured(Value):
    """The result of one seed, and the CPU time of one pass of the loop beside it."""

    result: Result
    pass_us: float


class _Step(Value):
    number: int
    name: str


def measured(seed: int) -> Measured:
    """Simulates one seed between two passes of the loop."""
    before = pass_us()
    result = run(seed)
    return Measured(result, (before + pass_us()) / 2)


def pass_us() -> float:
    """Returns the CPU microseconds of one pass."""
    began_ns = time.process_time_ns()
    _pass()
    return (time.process_time_ns() - began_ns) / 1_000


def _pass() -> int:
    """Does what the simulator does most: calls, small objects, names put together, dicts."""
    seen: dict[str, _Step] = {}
    total = 0
    for number in range(_ROUNDS):
        name = f"{number % 97}#{number % 13}"
        step = _Step(number, name)
        before = seen.get(name)
        if before is None or before.number < step.number:
            seen[name] = step
        total += sum((step.number, len(step.name), len(seen)))
    return total


@dataclass(slots=True)
class Speed:
    """The CPU time of the seeds so far, and of the loop's passes beside them."""

    cpu_us: int = 0
    passes_us: list[float] = field(default_factory=list)

    def add(self, seed: Measured) -> None:
        """Counts one more seed."""
        self.cpu_us += seed.result.cpu_us
        self.passes_us.append(seed.pass_us)

    def per_second(self, sub_years: float) -> float:
        """Returns the subscription-years per CPU second."""
        return sub_years * SECOND / self.cpu_us if self.cpu_us else 0.0

    def per_unit(self, sub_years: float) -> float:
        """Returns the subscription-years in the time of one unit of the loop."""
        unit_us = PASSES_A_UNIT * median(self.passes_us or [0])
        return sub_years * unit_us / self.cpu_us if self.cpu_us else 0.0
