"""When an invocation must have answered, so that its calls to gateways end before it is ended.

A call that outlives its function leaves a buyer with a bare 503 and nobody who knows why; one that
ends in time is `Unreachable`, which every flow has words for (R-6).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

RESERVE_SECONDS = 3.0
"""What is kept for settling, rendering and answering after the last call."""

_ENDS_AT: ContextVar[float | None] = ContextVar("deadline", default=None)


@contextmanager
def of_invocation(context: Any) -> Iterator[None]:
    """Within a Lambda's time, as its context tells it; a context that tells none sets no limit."""
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    ends_at = None
    if remaining is not None:
        ends_at = time.monotonic() + remaining() / 1000 - RESERVE_SECONDS
    token = _ENDS_AT.set(ends_at)
    try:
        yield
    finally:
        _ENDS_AT.reset(token)


def has_time(context: Any, *, to_finish: int, share: float = 1.0) -> Callable[[], bool]:
    """Whether a sweep has time for one thing more: `share` of what its invocation has left now,
    `to_finish` milliseconds of which are kept for the last thing."""
    left = context.get_remaining_time_in_millis() - to_finish
    ends_at = to_finish + left * (1 - share)
    return lambda: bool(context.get_remaining_time_in_millis() > ends_at)


def seconds_left() -> float | None:
    """Until the last call must be over, never negative; None where nobody waits."""
    ends_at = _ENDS_AT.get()
    return None if ends_at is None else max(0.0, ends_at - time.monotonic())
