"""Prints for each mutant of the edge which test notices it; fails if one is unnoticed."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from dev.edge_mutants.mutant import BY_NAME, ROOT, Mutant
from dev.edge_mutants.mutants import MUTANTS

NOTICED, PASSED = 1, 0
"""Exit statuses of pytest; every other one means that the tests themselves did not run."""

PYTEST = (
    *(sys.executable, "-m", "pytest", "-q", "--no-header", "--tb=no", "-rf"),
    *("-p", "no:cacheprovider", "-p", "dev.edge_mutants.plugin"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Removes each guard whose name has the text; 1 if one is unnoticed, or a test fails anyway."""
    parser = argparse.ArgumentParser(prog="python -m dev.edge_mutants", description=__doc__)
    parser.add_argument("-k", dest="text", default="", help="only the mutants named so")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(arguments)
    meant = [mutant for mutant in MUTANTS if options.text in mutant.name]
    files = tuple(sorted({test for mutant in meant for test in mutant.tests}))
    _, words = _run(files)
    failing = _failed(words)
    for test in failing:
        print(f"fails with every guard in its place, and notices nothing: {test}")
    counts: Counter[str] = Counter()
    with ThreadPoolExecutor(options.jobs) as pool:
        for mutant, (outcome, text) in zip(
            meant, pool.map(partial(_outcome, failing), meant), strict=True
        ):
            counts[outcome] += 1
            print(f"{outcome:10} {mutant.name}: {text}", flush=True)
    print(" ".join(f"{outcome}={times}" for outcome, times in sorted(counts.items())))
    return 1 if failing or counts.keys() - {"caught", "redundant"} else 0


def _outcome(failing: Sequence[str], mutant: Mutant) -> tuple[str, str]:
    """Returns what became of a mutant, and the test that noticed it or why none needs to."""
    left_out = (argument for test in failing for argument in ("--deselect", test))
    status, words = _run((*mutant.tests, "-x", *left_out), mutant.name)
    noticed = _failed(words)
    if status not in {NOTICED, PASSED} or (status == NOTICED and not noticed):
        return "BROKEN", words.strip()[-300:]
    if mutant.redundant is not None:
        return ("NOTICED", noticed[0]) if noticed else ("redundant", mutant.redundant)
    return ("caught", noticed[0]) if noticed else ("UNNOTICED", " ".join(mutant.tests))


def _failed(words: str) -> list[str]:
    lines = (line for line in words.splitlines() if line.startswith("FAILED "))
    return [line.removeprefix("FAILED ").partition(" - ")[0] for line in lines]


def _run(arguments: tuple[str, ...], mutant: str | None = None) -> tuple[int, str]:
    path = os.pathsep.join((str(ROOT / "layers" / "common"), str(ROOT)))
    environment = {**os.environ, "PYTHONPATH": path} | ({BY_NAME: mutant} if mutant else {})
    done = subprocess.run(
        [*PYTEST, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


if __name__ == "__main__":
    sys.exit(main())
