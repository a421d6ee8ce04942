"""Ways to do many things side by side, as ports: one thing each, or batches at a gateway's pace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from billing.kernel.errors import Unavailable
from billing.kernel.storage import Due
from billing.kernel.values import Value

T = TypeVar("T")
R = TypeVar("R")


class Each(Protocol):
    """Runs independent calls, in parallel where that helps; results in the order of the items.

    An `errors.Unavailable` is a result too: the outage of one call does not stop the others.
    """

    def __call__(self, call: Callable[[T], R], items: Sequence[T]) -> list[R | Unavailable]: ...


Batch = Callable[[Sequence[Due]], Counter[str]]


def in_turn(work: Batch, batches: Sequence[Sequence[Due]]) -> list[Counter[str]]:
    """Runs one batch after the other."""
    return [work(batch) for batch in batches]


class Lanes(Value):
    """The number of batches a worker runs at a time, and the function that runs them in parallel.

    At a gateway's pace it is two: while one waits for its last answers, the other makes calls.
    """

    count: int = 1
    run: Callable[[Batch, Sequence[Sequence[Due]]], list[Counter[str]]] = in_turn


ONE_LANE = Lanes()
"""One batch after another."""
