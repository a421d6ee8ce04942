"""The port of data that may be lost: sessions, links, limits, deduplication."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol


class Ephemeral(Protocol):
    """Data that may be lost: sessions, tokens, limits, answers kept for a repeated request.

    Rows past `expires_at` count as gone, whether or not the database has deleted them.
    """

    def put(self, kind: str, key: str, value: str, *, expires_at: datetime, now: datetime) -> bool:
        """Stores a value if there is none; False, and nothing written, if there is one."""
        ...

    def replace(self, kind: str, key: str, value: str, *, expires_at: datetime) -> None: ...
    def renew(
        self, kind: str, key: str, value: str, *, expires_at: datetime, now: datetime
    ) -> bool:
        """Replaces an existing value; False, and nothing written, if there is none."""
        ...

    def get(self, kind: str, key: str, *, now: datetime) -> str | None: ...
    def take(self, kind: str, key: str, *, now: datetime) -> str | None:
        """Returns the value and removes it; only one caller gets it."""
        ...

    def hit(self, kind: str, key: str, *, window: timedelta, now: datetime) -> int:
        """Counts one more hit in the fixed window around `now` and returns the count so far."""
        ...
