"""Mutation testing: each guard of the protocol is removed in turn and must be missed.

A mutant patches the product in this process and is put back. One that nothing notices must be
listed as redundant, with the guard that stands behind it; another mutant then removes both.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import chain, repeat

from sim import exhaustive, moving_mutations, mutants, scenes
from sim.run import run

FIRST_SEED = 1000


def main(seeds: int) -> int:
    """Prints what notices each mutant; 1 if one is neither noticed nor listed as redundant.

    Mutants run in parallel, one on each processor; each stops at its first violation.
    """
    unnoticed = 0
    with ProcessPoolExecutor(os.cpu_count() or 1) as pool:
        outcomes = pool.map(_outcome, range(len(mutants.MUTANTS)), repeat(seeds))
        for mutant, noticed in zip(mutants.MUTANTS, outcomes, strict=True):
            if noticed is not None:
                print(f"caught     {mutant.name}: {noticed}"[:150], flush=True)
            elif mutant.redundant is not None:
                print(f"redundant  {mutant.name}: {mutant.redundant}", flush=True)
            else:
                unnoticed += 1
                print(f"UNNOTICED  {mutant.name}, in {seeds} seeds", flush=True)
    print(f"mutants={len(mutants.MUTANTS)} seeds={seeds} unnoticed={unnoticed}")
    return 1 if unnoticed else 0


def _outcome(number: int, seeds: int) -> str | None:
    """Returns what notices a mutant; None for nothing.

    It tries the mutant's own scene and its meetings, if it names one, then chance, then each scene
    in which nothing else fails, then two invocations that meet at every pair of points. The last
    takes half an hour a mutant where nothing is noticed, so those listed as redundant were tried by
    it when they were listed, and are not each time.
    """
    mutant = mutants.MUTANTS[number]
    if mutant.moves:
        with mutant.applied():
            return moving_mutations.noticed()
    mine = [meeting for meeting in scenes.MEETINGS if meeting[0] == mutant.scene]
    with mutant.applied():
        own = None if mutant.scene is None else exhaustive.tried(scenes.SCENES[mutant.scene], {})
        if own is not None and own.violation is not None:
            return f"{mutant.scene}, {own.violation}"
        if (noticed := _in_meetings(mine)) is not None:
            return noticed
        for tried, seed in enumerate(range(FIRST_SEED, FIRST_SEED + seeds), 1):
            if (violation := run(seed).violation) is not None:
                return f"seed {tried}, {violation}"
        for scene in scenes.SCENES.values():
            if (violation := exhaustive.tried(scene, {}).violation) is not None:
                return f"{scene.name}, {violation}"
        return None if mutant.redundant is not None else _in_meetings(scenes.MEETINGS)


def _in_meetings(meetings: Sequence[scenes.Meeting]) -> str | None:
    for failure in chain.from_iterable(map(exhaustive.pairs, meetings)):
        if failure is not None:
            return f"{failure.scene}, {failure.violation}"
    return None
