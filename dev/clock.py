"""The clock of `make run`: real time plus an offset, which may only grow.

The offset is on disk before anybody reads the new time, so that neither a restart nor a
kill -9 takes the world back to a time before something that already happened.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dev import saved


def real_now() -> datetime:
    return datetime.now(UTC)


class DevClock:
    """The clock; call it for the time.

    While held it stands still, so that a whole tick has one instant.
    """

    def __init__(self, path: Path, real: Callable[[], datetime] = real_now) -> None:
        self._path = path
        self._real = real
        microseconds = saved.read(path).get("ahead_microseconds", 0)
        self._ahead = timedelta(microseconds=microseconds)
        self._held_at: datetime | None = None

    def __call__(self) -> datetime:
        return self._held_at or self._real() + self._ahead

    def hold(self) -> datetime:
        self._held_at = self()
        return self._held_at

    def move_to(self, instant: datetime) -> None:
        """Sets a held clock. Moving back would make what is due now not due any more."""
        assert self._held_at is not None
        assert instant >= self._held_at
        ahead = instant - self._real()
        saved.write(self._path, {"ahead_microseconds": ahead // timedelta(microseconds=1)})
        self._ahead = ahead
        self._held_at = instant

    def release(self) -> None:
        """Runs on from the instant it was held at, however long the work took in real time."""
        assert self._held_at is not None
        self.move_to(self._held_at)
        self._held_at = None
