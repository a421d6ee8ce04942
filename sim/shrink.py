"""Shrinks a failing seed to a trace that a person can read: fewest faults, one subscription."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from billing.kernel.values import Value, replace
from sim.faults import Fault
from sim.invariants import Violation
from sim.plan import Plan, Purchase, drawn
from sim.run import Result, run
from sim.wire import clock_text

RUNS_AT_MOST = 400
LINES_AT_MOST = 90


class Shrunk(Value):
    """The smallest failure that was found, and how big it was."""

    result: Result
    faults_before: int
    purchases: int


def shrink(failed: Result) -> Shrunk:
    """Finds the same violation with as few faults and purchases as delta debugging gets to."""
    assert failed.violation is not None, "only a violation is shrunk"
    number, plan = failed.violation.number, drawn(failed.seed)

    def fails(plan: Plan, faults: Sequence[Fault]) -> bool:
        violation = run(failed.seed, plan=plan, only=faults).violation
        return violation is not None and violation.number == number

    faults = _ddmin(list(failed.fired), lambda part: fails(drawn(failed.seed), part))
    purchases = _ddmin(
        [*plan.purchases, *plan.withdrawing], lambda part: fails(_with(failed.seed, part), faults)
    )
    smaller = _with(failed.seed, purchases)
    faults = _ddmin(faults, lambda part: fails(_with(failed.seed, purchases), part))
    result = run(failed.seed, plan=smaller, only=faults, readable=True)
    return Shrunk(replace(result, fired=tuple(faults)), len(failed.fired), len(purchases))


def _with(seed: int, purchases: Sequence[Purchase]) -> Plan:
    plan = drawn(seed)
    plan.purchases = [each for each in purchases if not each.withdraws]
    plan.withdrawing = [each for each in purchases if each.withdraws]
    return plan


def _ddmin(items: list, fails: Callable[[list], bool]) -> list:  # type: ignore[type-arg]
    """Runs Zeller's minimizing delta debugging, for as many runs as are allowed."""
    if fails([]):
        return []
    parts, runs = 2, 0
    while len(items) >= 2 and runs < RUNS_AT_MOST:
        size = -(-len(items) // parts)
        chunks = [items[i : i + size] for i in range(0, len(items), size)]
        for chunk in chunks:
            rest = [item for item in items if item not in chunk]
            runs += 1
            if fails(rest):
                items, parts = rest, max(parts - 1, 2)
                break
        else:
            if parts >= len(items):
                break
            parts = min(len(items), parts * 2)
    return items


def trace(shrunk: Shrunk) -> str:
    """Returns a readable trace: the faults, the events of that subscription, the violation."""
    result = shrunk.result
    violation = result.violation
    assert violation is not None, "it fails as it did"
    head = [
        f"seed {result.seed}: {violation}",
        f"faults: {len(result.fired)} of {shrunk.faults_before} are enough,"
        f" with {shrunk.purchases} purchases",
        *(f"  {f.kind} at {f.actor}, call {f.point}" for f in result.fired),
        "trace:",
    ]
    lines = [f"  {clock_text(at)}  {who:<44} {what}" for at, who, what in _story(result, violation)]
    if len(lines) > LINES_AT_MOST:
        left_out = len(lines) - LINES_AT_MOST
        lines = [f"  .. {left_out} lines before", *lines[-LINES_AT_MOST:]]
    return "\n".join((*head, *lines))


def _story(result: Result, violation: Violation) -> list[tuple[int, str, str]]:
    needles = {about.partition(".")[0] for about in violation.about if len(about) > 8}
    return [
        (at, who, what[:240])
        for at, who, what in result.lines
        if who != "table" and (not needles or any(n in who or n in what for n in needles))
    ]
