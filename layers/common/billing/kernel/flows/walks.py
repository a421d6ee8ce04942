"""Walks over long lists in short runs, taking turns and resuming at a saved or moving place.

Each run has time for only some entries. Every entry gets its turn, because each walk resumes where
it stopped, what cannot be finished goes behind the others, and no owner takes a whole run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from billing.kernel.errors import Conflict, Unavailable
from billing.kernel.walks import Seen, Walk

T = TypeVar("T")
KeepGoing = Callable[[], bool]

TURN = 25
"""The number of entries of one owner that are processed before the next owner's turn."""


@dataclass(frozen=True, slots=True)
class Turn:
    """The result of a turn: the walk, whether its round is over, and the first error of our own."""

    walk: Walk
    over: bool
    error: Exception | None = None


def take_turn(
    walk: Walk, entries: Iterable[tuple[T, str]], act: Callable[[T], Seen], more: KeepGoing
) -> Turn:
    """Processes entries, each given with the cursor after it, while there is `more` time.

    The first entry is always processed. Another writer, an outage or an error of our own on one
    entry does not stop the others.
    """
    error: Exception | None = None
    for number, (entry, cursor) in enumerate(entries):
        if number and not more():
            return Turn(walk, False, error)
        seen = Seen.LEFT
        try:
            seen = act(entry)
        except (Conflict, Unavailable):
            pass
        except Exception as broken:
            error = error or broken
        if seen is Seen.MORE:
            return Turn(walk, False, error)
        walk = walk.past(cursor, finished=seen is Seen.FINISHED)
    return Turn(walk, True, error)


def at_most(times: int, keep_going: KeepGoing) -> KeepGoing:
    """Limits `keep_going` to `times` calls that may return True."""
    left = iter(range(times))
    return lambda: next(left, None) is not None and keep_going()


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
