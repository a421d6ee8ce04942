"""Figures of the benchmarks, beside their goals and their baseline."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, process_time

from msgspec import to_builtins

from billing.kernel.values import Value

HERE = Path(__file__).parent
BASELINE = HERE / "baseline.json"
RESULTS = HERE / "results.json"


class Figure(Value):
    """A figure; `goal` is a least value, or with `at_most` a greatest one."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    at_most: bool = False

    @property
    def verdict(self) -> str:
        if self.goal is None:
            return ""
        reached = self.value <= self.goal if self.at_most else self.value >= self.goal
        return "met" if reached else "NOT MET"


@dataclass(slots=True)
class Report:
    """A report of all figures, in the order in which they were measured, and lists that
    explain them.
    """

    figures: list[Figure] = field(default_factory=list)
    tables: dict[str, list[list[str | float]]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    counted: dict[str, float] = field(default_factory=dict)
    quiet: bool = False

    def add(self, *figures: Figure) -> None:
        for figure in figures:
            self.figures.append(figure)
            if not self.quiet:
                print(_line(figure, None), flush=True)

    def table(self, name: str, rows: Iterable[Iterable[str | float]]) -> None:
        """Adds rows for a person to read; the first is the heading."""
        self.tables[name] = [list(row) for row in rows]
        print(f"\n{name}")
        for row in self.tables[name]:
            print("  " + " | ".join(_shown(cell) for cell in row))
        print(flush=True)

    def leave_out(self, what: str, why: str) -> None:
        self.left_out.append(f"{what}: {why}")
        print(f"left out  {what}: {why}", flush=True)

    def finish(self) -> None:
        """Prints everything beside the baseline, and writes it down."""
        known = json.loads(BASELINE.read_text("utf-8")) if BASELINE.exists() else {"figures": []}
        before = {figure["name"]: figure["value"] for figure in known["figures"]}
        print(f"\n{'':58}{'today':>12}{'goal':>12}{'baseline':>12}")
        for figure in self.figures:
            print(_line(figure, before.get(figure.name)))
        for line in self.left_out:
            print(f"left out  {line}")
        RESULTS.write_text(json.dumps(to_builtins(self), indent=1) + "\n", "utf-8")


def _line(figure: Figure, before: float | None) -> str:
    goal = "" if figure.goal is None else f"{'<=' if figure.at_most else '>='} {figure.goal:,g}"
    was = "" if before is None else _shown(before)
    name = f"{figure.name}, {figure.unit}"
    return f"{name:<58}{_shown(figure.value):>12}{goal:>12}{was:>12}  {figure.verdict}"


def _shown(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}"


def cpu_seconds(call: Callable[[], object]) -> float:
    """Returns the CPU of this process for one call.

    Another process on the machine does not change it much.
    """
    gc.collect()
    began = process_time()
    call()
    return process_time() - began


def wall_seconds(call: Callable[[], object]) -> float:
    began = perf_counter()
    call()
    return perf_counter() - began


def percentile(sorted_values: list[float], share: float) -> float:
    """Returns the value that `share` of all are not above."""
    return sorted_values[min(len(sorted_values) - 1, int(share * len(sorted_values)))]
