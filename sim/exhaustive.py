"""The exhaustive mode, without chance: a failure at each port call, and at each pair of two."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice, product

from billing.kernel.values import Value
from sim.faults import Forced
from sim.invariants import Violation
from sim.meetings import COMES, MEETINGS, Meeting
from sim.run import Result, Spawned, run
from sim.scenes import SCENES, Scene, plan_of

SINGLE = (
    "crash_before",
    "crash_after",
    "unavailable_before",
    "unavailable_after",
    "asked_again",
    "effect_later",
    "stall_after",
)
PAIRS = (
    ("stall_before", "stall_before"),
    ("stall_before", "crash_before"),
    ("crash_before", "stall_before"),
    ("stall_after", "stall_before"),
    ("crash_after", "crash_before"),
)
FIRST_WAITS, SECOND_WAITS = 0.465, 0.56
"""Along the range of a stall: half a minute, and a minute."""


def tried(
    scene: Scene, forced: Forced, spawned: Spawned | None = None, *, told: bool = False
) -> Result:
    """Runs a scene with these faults and with the spawned action."""
    return run(
        scene.seed,
        plan=plan_of(scene),
        forced=forced,
        spawned=spawned,
        acts=scene.acts,
        readable=told,
    )


def calls_of(result: Result) -> Counter[str]:
    """Counts the port calls of each actor."""
    return Counter(who for _, who, _ in result.lines if who not in {"table", "bank"})


class Failure(Value):
    """A forced set of faults in a scene, and the invariant that it violated."""

    scene: str
    forced: Forced
    violation: Violation


def singles(scene: Scene) -> Iterator[Failure | None]:
    """Yields the outcome of a scene with each kind of failure at each of its port calls."""
    for actor, calls in calls_of(tried(scene, {}, told=True)).items():
        for point in range(calls):
            for kind in SINGLE:
                yield _tried(scene, {(actor, point): (kind, 0.9)}, None)


def pairs(meeting: Meeting, start: int = 0) -> Iterator[Failure | None]:
    """Yields outcomes of two invocations that meet, each held up or killed at each of its port
    calls; without the first `start` of them.
    """
    name, prefix, nth, action = meeting
    scene = SCENES[name]
    alone = calls_of(tried(scene, {}, told=True))
    first = [actor for actor in alone if actor.startswith(prefix)][nth]
    # A target exists only once the first call has been made, so the other comes in at the last.
    point = min(alone[first] - 1, 2)
    spawned = Spawned((first, point), action)
    # The other's calls as they are while the first waits, before it has written or at its end.
    met = Counter[str]()
    for at in (point, alone[first] - 1):
        waiting: Forced = {(first, at): ("stall_before", FIRST_WAITS)}
        met |= calls_of(tried(scene, waiting, spawned, told=True))
    new = [a for a in met if a not in alone]
    meant = [a for a in new if a.split()[0] == COMES.get(action, a.split()[0])]
    for other, calls in [(a, met[a]) for a in meant[:1]] or [("nobody", 0)]:
        places = product(range(alone[first]), range(calls + 1), PAIRS)
        for i, j, kinds in islice(places, start, None):
            forced: Forced = {
                (first, i): (kinds[0], FIRST_WAITS),
                (other, j): (kinds[1], SECOND_WAITS),
            }
            yield _tried(scene, forced, spawned)


def _tried(scene: Scene, forced: Forced, spawned: Spawned | None) -> Failure | None:
    violation = tried(scene, forced, spawned).violation
    return None if violation is None else Failure(scene.name, forced, violation)


def main() -> int:
    """Prints what was tried and what failed; returns 1 if anything did.

    Scenes and meetings run on every processor at once.
    """
    failures: list[Failure] = []
    began = time.perf_counter()
    with ProcessPoolExecutor(os.cpu_count() or 1) as pool:
        for what, outcomes in (
            ("single points", pool.map(_all_singles, SCENES)),
            ("pairs of points", pool.map(_all_pairs, range(len(MEETINGS)))),
        ):
            runs = 0
            for tried_here, failed_here in outcomes:
                runs += tried_here
                failures += failed_here
            seconds = time.perf_counter() - began
            print(f"{what}: {runs} runs, {len(failures)} violations so far, {seconds:.1f} s")
    seen: set[str] = set()
    for failure in failures:
        kind = f"{failure.scene} {failure.violation.number}"
        if kind not in seen:
            seen.add(kind)
            print(f"{failure.scene}: {failure.forced}\n  {failure.violation}")
    return 1 if failures else 0


def _all_singles(scene: str) -> tuple[int, list[Failure]]:
    return _counted(singles(SCENES[scene]))


def _all_pairs(number: int) -> tuple[int, list[Failure]]:
    return _counted(pairs(MEETINGS[number]))


def _counted(outcomes: Iterator[Failure | None]) -> tuple[int, list[Failure]]:
    """Returns the number of runs and the failures among them."""
    all_of = list(outcomes)
    return len(all_of), [failure for failure in all_of if failure is not None]
