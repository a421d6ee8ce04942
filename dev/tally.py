"""Sums per function of the numbers that handlers reported while the clock moved."""

from collections import Counter
from typing import Any


class Tally:
    def __init__(self) -> None:
        self._counts: dict[str, Counter[str]] = {}

    def add(self, function: str, answer: Any) -> None:
        """Counts a call, and adds up the numbers in its answer."""
        counts = self._counts.setdefault(function, Counter())
        counts["invocations"] += 1
        if not isinstance(answer, dict):
            return
        for name, value in answer.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                counts[name] += value  # type: ignore[assignment]
            elif name == "batchItemFailures" and isinstance(value, list):
                counts["failures"] += len(value)

    def failed(self, function: str) -> None:
        counts = self._counts.setdefault(function, Counter())
        counts["invocations"] += 1
        counts["errors"] += 1

    def as_json(self) -> dict[str, dict[str, int]]:
        return {function: dict(counts) for function, counts in self._counts.items()}
