"""Failures on demand, of the next n calls.

A time-out is an answer that breaks off: the SDK sees an unknown outcome at once, and does not try
again by itself, so that one fault is one gateway call.
"""

from collections import deque
from threading import Lock
from typing import Protocol

KINDS = ("timeout_before", "timeout_after", "unavailable", "internal_error")
"""Kinds of fault: no answer, nothing done; no answer, all done; refused; 500, kept for its key."""


class Source(Protocol):
    """A source of the next call's fault."""

    def take(self) -> str | None: ...


class Faults:
    """The faults of the next calls."""

    def __init__(self) -> None:
        self._armed: deque[str] = deque()
        self._lock = Lock()

    def arm(self, kind: str, count: int) -> None:
        assert kind in KINDS, kind
        with self._lock:
            self._armed = deque([kind] * count)

    def take(self) -> str | None:
        with self._lock:
            return self._armed.popleft() if self._armed else None
