"""A mutant: a guard removed from the source of a module, and the tests that must notice."""

from __future__ import annotations

from pathlib import Path

from billing.kernel.values import Value

ROOT = Path(__file__).resolve().parents[2]
LAYER = ROOT / "layers" / "common"
GUARDS = "tests/security/test_guards.py"
"""Tests of guards that no other test would miss."""

BY_NAME = "PERENNIAL_EDGE_MUTANT"
"""The environment variable that names the mutant to the pytest plugin."""


class Cut(Value):
    """One piece of a module's source, and what stands there instead.

    `module` is its dotted name; `old` stands exactly once in it.
    """

    module: str
    old: str
    new: str

    @property
    def path(self) -> Path:
        below = LAYER if self.module.startswith("billing.") else ROOT
        return below.joinpath(*self.module.split(".")).with_suffix(".py")

    def applied_to(self, source: str) -> str:
        """Returns the source without the guard; raises `LookupError` where it is not once there."""
        if source.count(self.old) != 1:
            raise LookupError(f"{self.module} has {source.count(self.old)} times: {self.old}")
        return source.replace(self.old, self.new)


class Mutant(Value):
    """A removed guard, and the tests that must notice; `redundant` says why none need to."""

    name: str
    cuts: tuple[Cut, ...]
    tests: tuple[str, ...]
    redundant: str | None = None


def applied(source: str, cuts: tuple[Cut, ...]) -> str:
    """Returns a module's source after all of its cuts."""
    for cut in cuts:
        source = cut.applied_to(source)
    return source
