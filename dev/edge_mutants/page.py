"""Writes docs/edge-guards.md: each guard of the edge and the tests that fail without it.

    python -m dev.edge_mutants.page

A test holds the page to what this writes.
"""

from __future__ import annotations

from dev.edge_mutants.mutant import ROOT, Mutant
from dev.edge_mutants.mutants import MUTANTS

PAGE = ROOT / "docs" / "edge-guards.md"

INTRODUCTION = """\
# Guards of the edge

Each row takes one guard away from requests, sessions, forms, links, limits or isolation, and names
the tests of which one must fail then: `make edge-mutants` tries all of them. A row is named after
what would be allowed. Where nothing need fail, it says which guard stands behind. The guards of the
charge protocol have their own list, `sim/mutants/`.

| without it | guard in | noticed by |
|---|---|---|
"""


def text() -> str:
    """Returns the page."""
    return INTRODUCTION + "\n".join(map(_row, MUTANTS)) + "\n"


def _row(mutant: Mutant) -> str:
    places = sorted({cut.module.removeprefix("billing.") for cut in mutant.cuts})
    noticed = ", ".join(f"`{test}`" for test in mutant.tests)
    if mutant.redundant is not None:
        noticed = f"nothing: {mutant.redundant}"
    return f"| {mutant.name} | {', '.join(f'`{place}`' for place in places)} | {noticed} |"


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
