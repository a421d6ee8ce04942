"""Chance, decided by one seed and keyed by actor: no actor shifts the draws of another."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from math import exp, log
from typing import TypeVar

T = TypeVar("T")

WORD = 1 << 32


def digest(seed: int, actor: str, ordinal: int | str, size: int = 16) -> bytes:
    """Returns the bytes of that draw of an actor, the same under any PYTHONHASHSEED."""
    return blake2b(f"{seed}|{actor}|{ordinal}".encode(), digest_size=size).digest()


class Draws:
    """The draws of one actor by their ordinals: the bytes of `digest`, by half of the work."""

    __slots__ = ("_begun",)

    def __init__(self, seed: int, actor: str, size: int = 16) -> None:
        self._begun = blake2b(f"{seed}|{actor}|".encode(), digest_size=size)

    def at(self, ordinal: int) -> bytes:
        """Returns the bytes of that draw."""
        hashed = self._begun.copy()
        hashed.update(b"%d" % ordinal)
        return hashed.digest()


def share(word: int) -> float:
    """Returns a 32-bit word as a number from 0 to just under 1."""
    return word / WORD


def stretched(low: float, high: float, at: float) -> float:
    """Returns the number `at` (0 to 1) of the way from `low` to `high`, even in orders of
    magnitude.
    """
    return exp(log(low) + (log(high) - log(low)) * at)


class Chance:
    """One actor's draws, in order."""

    __slots__ = ("_actor", "_ordinal", "_seed")

    def __init__(self, seed: int, actor: str) -> None:
        self._seed = seed
        self._actor = actor
        self._ordinal = 0

    def word(self) -> int:
        """Draws 32 bits."""
        self._ordinal += 1
        return int.from_bytes(digest(self._seed, self._actor, self._ordinal, 4), "big")

    def share(self) -> float:
        return share(self.word())

    def happens(self, probability: float) -> bool:
        return self.share() < probability

    def between(self, low: int, high: int) -> int:
        """Draws a whole number from `low` to `high`, both included, which may be far apart."""
        return low + (self.word() << 32 | self.word()) % (high - low + 1)

    def stretched(self, low: float, high: float) -> float:
        return stretched(low, high, self.share())

    def pick(self, choices: Sequence[T]) -> T:
        return choices[self.word() % len(choices)]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Returns the items in another order."""
        rest, order = list(items), []
        while rest:
            order.append(rest.pop(self.word() % len(rest)))
        return order
