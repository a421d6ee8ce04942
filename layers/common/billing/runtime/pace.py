"""The pace of calls to a gateway that takes so many in a second."""

from __future__ import annotations

import time
from collections import deque
from threading import Lock

SLACK = 0.015
"""The share by which calls begin later than they must, as no two take the same time to arrive."""


class Pace:
    """Lets callers through one at a time, evenly, and in no second more than the gateway takes."""

    def __init__(self, per_second: float) -> None:
        self._seconds_between = (1 + SLACK) / per_second
        self._next = time.monotonic()
        self._begun: deque[float] = deque(maxlen=max(1, int(per_second)))
        self._turn = Lock()

    def wait(self) -> None:
        """Waits until it is the caller's turn; the others wait behind it."""
        with self._turn:
            turn = max(time.monotonic(), self._next, self._window_ends())
            self._next = turn + self._seconds_between
            while (left := turn - time.monotonic()) > 0:
                time.sleep(left)
            self._begun.append(time.monotonic())

    def _window_ends(self) -> float:
        """Returns when the next call may begin; a late call makes the second after it shorter."""
        full = len(self._begun) == self._begun.maxlen
        return self._begun[0] + 1 + SLACK if full else 0.0
