"""Walks over many things in little time: in turns, from a place that is kept or that moves.

Each run has time for a part only. Nobody waits for ever where each walk is gone on with where it
stopped, what cannot be finished goes behind the others, and no owner takes a whole run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from billing.kernel.errors import Conflict, Unavailable
from billing.kernel.walks import Walk

T = TypeVar("T")
KeepGoing = Callable[[], bool]

TURN = 25
"""How many entries of one owner are seen before the other owners have their turn."""


class Seen(StrEnum):
    """What became of an entry: finished, to be come back to, or not through for want of time."""

    FINISHED = "finished"
    LEFT = "left"
    MORE = "more"


@dataclass(frozen=True, slots=True)
class Turn:
    """The walk after a turn, whether its round is over, and the first error of our own."""

    walk: Walk
    over: bool
    error: Exception | None = None


def take_turn(
    walk: Walk, entries: Iterable[tuple[T, str]], act: Callable[[T], Seen], more: KeepGoing
) -> Turn:
    """Act on entries, each given with the cursor behind it, for as long as there is `more` time.

    The first entry is always acted on. What another writer or an outage is in the way of, and what
    our code breaks on, holds up no other entry.
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
    """Whether there is time, asked `times` times at the most."""
    left = iter(range(times))
    return lambda: next(left, None) is not None and keep_going()


def rotated(items: Sequence[T], now: datetime, every: timedelta) -> list[T]:
    """The items from a place that moves on by one with each tick, and round: whatever a run has no
    time for, some tick begins with it."""
    if not items:
        return []
    start = int(now.timestamp() // every.total_seconds()) % len(items)
    return [*items[start:], *items[:start]]


def each_of(*walks: Callable[[], Counter[str]]) -> Counter[str]:
    """One walk after the other, whatever one of them breaks on; raises the first error at the
    end."""
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
