"""Failures of the sandbox on demand (W-3)."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import TypeVar

from billing.kernel.errors import Invalid, Unreachable

R = TypeVar("R")


class Faults:
    """Failures on demand for the next n calls.

    They time out before or after their effect, or are refused.
    """

    KINDS = ("timeout_before", "timeout_after", "unavailable")

    def __init__(self) -> None:
        self._armed: list[str] = []
        self._lock = Lock()

    def arm(self, kind: str, count: int) -> None:
        """Makes the next `count` calls fail by `kind`."""
        if kind not in self.KINDS:
            raise Invalid("one_of", field="gateway", values=", ".join(self.KINDS))
        with self._lock:
            self._armed = [kind] * count

    def take(self) -> str | None:
        """Takes the failure that is armed for the call that begins now; None if it is to work."""
        with self._lock:
            return self._armed.pop() if self._armed else None

    def around(self, call: Callable[[], R]) -> R:
        """Makes a call, or fails instead of it, or after it."""
        kind = self.take()
        if kind in {"timeout_before", "unavailable"}:
            raise Unreachable(f"sandbox: {kind}")
        result = call()
        if kind == "timeout_after":
            raise Unreachable("sandbox: timeout_after")
        return result
