"""Walks over long lists in short runs, each of which has time for only some entries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

T = TypeVar("T")
KeepGoing = Callable[[], bool]


def rotated(items: Sequence[T], now: datetime, every: timedelta) -> list[T]:
    """Rotates the items by one place more with each tick of `every`.

    So an item that one run has no time for is the first in some later run.
    """
    if not items:
        return []
    start = int(now.timestamp() // every.total_seconds()) % len(items)
    return [*items[start:], *items[:start]]


def each_of(*walks: Callable[[], Counter[str]]) -> Counter[str]:
    """Runs the walks one after the other, even if one fails; raises the first error at the end."""
    tally: Counter[str] = Counter()
    first: Exception | None = None
    for walk in walks:
        try:
            tally += walk()
        except Exception as error:
            first = first or error
    if first is not None:
        raise first
    return tally
