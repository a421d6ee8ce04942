"""The Ephemeral port in memory, for tests, the simulator and benchmarks."""

from __future__ import annotations

from datetime import datetime, timedelta
from threading import Lock

from billing.storage.addresses import Place
from billing.storage.ephemeral_rows import epoch_seconds, hits_place, is_gone, value_place
from billing.storage.memory.items import check_key

ITEM_MOST_BYTES = 400 * 1000
"""The most bytes of one value: DynamoDB takes items of 400 KB, names and keys included."""


class MemoryEphemeral:
    """Rows in a dict behind a lock.

    Expired rows are not deleted, as DynamoDB may also keep them for days.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._values: dict[Place, tuple[str, int]] = {}
        self._hits: dict[Place, int] = {}

    def put(self, kind: str, key: str, value: str, *, expires_at: datetime, now: datetime) -> bool:
        place = value_place(kind, key)
        _check_item(place, value)
        with self._lock:
            if self._standing(place, now) is not None:
                return False
            self._values[place] = (value, epoch_seconds(expires_at))
            return True

    def replace(self, kind: str, key: str, value: str, *, expires_at: datetime) -> None:
        _check_item(value_place(kind, key), value)
        with self._lock:
            self._values[value_place(kind, key)] = (value, epoch_seconds(expires_at))

    def renew(
        self, kind: str, key: str, value: str, *, expires_at: datetime, now: datetime
    ) -> bool:
        place = value_place(kind, key)
        with self._lock:
            if self._standing(place, now) is None:
                return False
            self._values[place] = (value, epoch_seconds(expires_at))
            return True

    def get(self, kind: str, key: str, *, now: datetime) -> str | None:
        with self._lock:
            return self._standing(value_place(kind, key), now)

    def take(self, kind: str, key: str, *, now: datetime) -> str | None:
        place = value_place(kind, key)
        with self._lock:
            taken = self._standing(place, now)
            self._values.pop(place, None)
            return taken

    def hit(self, kind: str, key: str, *, window: timedelta, now: datetime) -> int:
        place, _ = hits_place(kind, key, window, now)
        with self._lock:
            self._hits[place] = self._hits.get(place, 0) + 1
            return self._hits[place]

    def _standing(self, place: Place, now: datetime) -> str | None:
        text, expires_at = self._values.get(place, (None, 0))
        return None if is_gone(expires_at, now) else text


def _check_item(place: Place, value: str) -> None:
    """Raises `ValueError`, a bug, where DynamoDB would refuse an item for its key or its size."""
    check_key(place.pk, place.sk)
    if len(value) > ITEM_MOST_BYTES // 4 and len(value.encode()) > ITEM_MOST_BYTES:
        raise ValueError("DynamoDB takes no item of this size.")
