"""A merchant's lists, newest first: one index partition per month, read backwards page by page."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from hashlib import blake2s
from typing import Generic, Protocol, TypeVar

from billing.kernel.errors import Invalid
from billing.kernel.storage import Page
from billing.kernel.writes import Entity
from billing.storage.keys import LIST, STAMP_LENGTH, Key, Row, SortKeyRange, list_month, stamp

T = TypeVar("T")


class _Items(Protocol):
    def get_many(self, keys: Sequence[Key]) -> list[Entity | None]: ...

    def rows(
        self,
        index: str,
        pk: str,
        stretch: SortKeyRange,
        *,
        newest_first: bool,
        limit: int | None,
    ) -> list[Row]: ...


class MerchantList(Generic[T]):
    """One kind of list, ordered by `<time>#<id>`, so that entries of one instant have an order
    too."""

    def __init__(self, items: _Items, kind: str) -> None:
        self._items = items
        self._kind = kind

    def page(
        self, merchant: str, since: datetime, until: datetime, limit: int, cursor: str | None
    ) -> Page[T]:
        """Returns up to `limit` entries with `since <= time < until`, after those before `cursor`.

        Costs one query per month until the page is full, so callers limit the time range.
        """
        assert limit > 0
        seen = None if cursor is None else self._position(merchant, cursor)
        rows = self._rows(merchant, since, until, limit + 1, seen)
        shown = rows[:limit]
        found = self._items.get_many([row.key for row in shown])
        following = self._cursor(merchant, shown[-1].sk) if len(rows) > limit else None
        return Page(tuple(entity for entity in found if entity is not None), following)

    def _rows(
        self, merchant: str, since: datetime, until: datetime, wanted: int, seen: str | None
    ) -> list[Row]:
        # No sort key equals a bare instant, so the inclusive ends mean `since <= time < until`;
        # `seen` is the key of a row that was already shown, and is left out below.
        low, high = stamp(since), stamp(until)
        if seen is not None:
            high = min(high, seen)
        rows: list[Row] = []
        for month in _months_back(low, high):
            found = self._items.rows(
                LIST,
                list_month(merchant, self._kind, month),
                SortKeyRange(low, high),
                newest_first=True,
                limit=wanted - len(rows) + 1,
            )
            rows += (row for row in found if row.sk != seen)
            if len(rows) >= wanted:
                break
        return rows[:wanted]

    def _cursor(self, merchant: str, position: str) -> str:
        return urlsafe_b64encode(self._check(merchant, position) + position.encode()).decode()

    def _position(self, merchant: str, cursor: str) -> str:
        try:
            raw = urlsafe_b64decode(cursor.encode("ascii"))
            check, position = raw[:_CHECK_BYTES], raw[_CHECK_BYTES:].decode()
            datetime.fromisoformat(position[:STAMP_LENGTH])
        except ValueError as damaged:
            raise _not_a_cursor() from damaged
        if check != self._check(merchant, position):
            raise _not_a_cursor()
        return position

    def _check(self, merchant: str, position: str) -> bytes:
        # Not a secret: it detects typing errors and cursors of other lists, it protects nothing. A
        # forged one only names a place in the caller's own list.
        text = f"{merchant}\n{self._kind}\n{position}"
        return blake2s(text.encode(), digest_size=_CHECK_BYTES).digest()


_CHECK_BYTES = 6


def _not_a_cursor() -> Invalid:
    return Invalid("cursor_unknown", field="cursor")


def _months_back(low: str, high: str) -> Iterator[str]:
    """Yields each `YYYY-MM` from that of `high` back to that of `low`."""
    month = datetime.fromisoformat(f"{high[:7]}-01T00:00:00Z")
    while low[:7] <= (text := stamp(month)[:7]):
        yield text
        if text == "0001-01":
            return
        month = (month - timedelta(days=1)).replace(day=1)
