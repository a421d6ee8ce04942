"""The run over all mutants: what notices each, and those that nothing does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed

from sim import exhaustive, meetings, mutants, noticed, scenes
from sim.invariants import Violation
from sim.mutants import of_moves
from sim.mutants.mutant import Mutant
from sim.noticed import Noticed
from sim.run import run

FIRST_SEED = 1000
SEEDS_OF_REDUNDANT = 20

Violations = Iterator[tuple[int, Violation | None]]
"""Outcomes, each with its place among the pairs of a meeting, or 0."""


def main(seeds: int) -> int:
    """Prints what notices each mutant; 1 if one is neither noticed nor listed as redundant.

    Mutants run in parallel, one on each processor; each stops at its first violation. What is
    found is noted at once, so that a run that is cut short makes the next one quicker.
    """
    unnoticed, last = 0, noticed.read()
    notes = {mutant.name: last.get(mutant.name) for mutant in mutants.MUTANTS}
    with ProcessPoolExecutor(os.cpu_count() or 1) as pool:
        outcomes = {
            pool.submit(_outcome, number, seeds, notes[mutant.name] or ""): mutant
            for number, mutant in enumerate(mutants.MUTANTS)
        }
        for outcome in as_completed(outcomes):
            mutant, found = outcomes[outcome], outcome.result()
            notes[mutant.name] = None if found is None else found.by
            if found is not None:
                print(f"caught     {mutant.name}: {found.by}, {found.says}"[:150], flush=True)
            elif mutant.redundant is not None:
                print(f"redundant  {mutant.name}: {mutant.redundant}", flush=True)
            else:
                unnoticed += 1
                print(f"UNNOTICED  {mutant.name}, in {seeds} seeds", flush=True)
            noticed.write({name: by for name, by in notes.items() if by})
    print(f"mutants={len(mutants.MUTANTS)} seeds={seeds} unnoticed={unnoticed}")
    return 1 if unnoticed else 0


def _outcome(number: int, seeds: int, first: str) -> Noticed | None:
    """Returns what notices a mutant; None for nothing."""
    mutant = mutants.MUTANTS[number]
    with mutant.applied():
        if mutant.moves:
            says = of_moves.noticed()
            return None if says is None else Noticed("moving", says)
        for by, violations in _tries(mutant, seeds, first):
            for place, violation in violations:
                if violation is not None:
                    return Noticed(f"{by} @ {place}" if place else by, str(violation))
    return None


def _tries(mutant: Mutant, seeds: int, first: str) -> Iterator[tuple[str, Violations]]:
    """Yields what noticed the mutant last, its own scene and its meetings, if it names one, then
    chance, then each scene in which nothing else fails, then two invocations that meet at every
    pair of points.

    The last takes half an hour a mutant where nothing is noticed, so those listed as redundant were
    tried by it, and by all seeds, when they were listed; each time they are tried by some.
    """
    kind, _, what = first.partition(" ")
    if kind == "seed":
        yield first, _of_seed(int(what))
    if kind == "scene":
        yield first, _of_scene(what)
    if kind == "meeting":
        name, _, place = what.rpartition(" @ ")
        same = (each for each in meetings.MEETINGS if _named(each) == name)
        yield from (_of_meeting(each, int(place)) for each in same)
    if mutant.scene is not None:
        yield f"scene {mutant.scene}", _of_scene(mutant.scene)
        yield from map(_of_meeting, (each for each in meetings.MEETINGS if each[0] == mutant.scene))
    most = seeds if mutant.redundant is None else min(seeds, SEEDS_OF_REDUNDANT)
    for seed in range(FIRST_SEED, FIRST_SEED + most):
        yield f"seed {seed}", _of_seed(seed)
    for scene in scenes.SCENES:
        yield f"scene {scene}", _of_scene(scene)
    if mutant.redundant is None:
        yield from map(_of_meeting, meetings.MEETINGS)


def _of_seed(seed: int) -> Violations:
    yield 0, run(seed).violation


def _of_scene(name: str) -> Violations:
    if name in scenes.SCENES:
        yield 0, exhaustive.tried(scenes.SCENES[name], {}).violation


def _of_meeting(meeting: meetings.Meeting, start: int = 0) -> tuple[str, Violations]:
    """Returns the outcomes of a meeting from one of its pairs of points on, counted from 1."""
    found = enumerate(exhaustive.pairs(meeting, max(0, start - 1)), max(1, start))
    outcomes = ((place, None if each is None else each.violation) for place, each in found)
    return f"meeting {_named(meeting)}", outcomes


def _named(meeting: meetings.Meeting) -> str:
    scene, prefix, nth, action = meeting
    return f"{scene} / {prefix} {nth} / {getattr(action, '__qualname__', action)}"
