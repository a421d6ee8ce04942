"""The seed, scene or meeting that showed each mutant last: `noticed.txt`, tried first.

A mutant is noticed by the first of its seeds that shows it, by a scene, or by a meeting in one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from billing.kernel.values import Value

FILE = Path(__file__).with_name("noticed.txt")
_HEAD = (
    "# What noticed each mutant last time; `make sim-mutants` tries it first, and writes this.\n"
)


class Noticed(Value):
    """The seed, scene or meeting that shows a mutant, and the violation there."""

    by: str
    says: str


def read() -> dict[str, str]:
    """Returns by the names of mutants what noticed them."""
    lines = FILE.read_text("utf-8").splitlines() if FILE.exists() else []
    return {
        name: by
        for by, separator, name in (line.partition(": ") for line in lines)
        if separator and not by.startswith("#")
    }


def write(found: Mapping[str, str]) -> None:
    """Writes the file again, in the order of the mapping."""
    lines = (f"{by}: {name}\n" for name, by in found.items())
    FILE.write_text(_HEAD + "".join(lines), "utf-8")
