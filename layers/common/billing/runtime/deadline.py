"""The deadline of an invocation, so that gateway calls end before the function is stopped.

A call that outlives its function leaves a buyer with a bare 503 and nobody who knows why; one that
ends in time is `Unreachable`, which every flow handles (R-6).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

RESERVE_SECONDS = 3.0
"""Kept for settling, rendering and answering after the last call."""

_ENDS_AT: ContextVar[float | None] = ContextVar("deadline", default=None)


@contextmanager
def of_invocation(context: Any) -> Iterator[None]:
    """Sets the deadline from a Lambda context; a context without a remaining time sets none."""
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
    """Returns a function that says if a sweep has time for one thing more.

    It may use `share` of the time its invocation has left now, `to_finish` milliseconds of which
    are kept for the last thing.
    """
    left = context.get_remaining_time_in_millis() - to_finish
    ends_at = to_finish + left * (1 - share)
    return lambda: bool(context.get_remaining_time_in_millis() > ends_at)


def seconds_left() -> float | None:
    """Returns the seconds until the last call must end, never negative; None without a deadline."""
    ends_at = _ENDS_AT.get()
    return None if ends_at is None else max(0.0, ends_at - time.monotonic())


def seconds_until_stop() -> float | None:
    """Returns the seconds until the function is stopped, negative when too late; None without a
    deadline.

    The store is asked in the reserve too, for settling what a gateway answered.
    """
    ends_at = _ENDS_AT.get()
    return None if ends_at is None else ends_at + RESERVE_SECONDS - time.monotonic()
