"""A merchant's lists, newest first: one index partition per month, read backwards page by page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from billing.kernel.cursors import not_of_this_list, position_in, seal
from billing.kernel.lists import Page
from billing.kernel.writes import E
from billing.storage.addresses import STAMP_LENGTH, Row, SortKeyRange, stamp
from billing.storage.index_keys import ListKind, list_month
from billing.storage.items import Items


def page_of(
    items: Items,
    kind: ListKind[E],
    merchant: str,
    since: datetime,
    until: datetime,
    limit: int,
    cursor: str | None,
    lists: int = 1,
) -> Page[E]:
    """Returns up to `limit` entries with `since <= time < until`, after those before `cursor`.

    The order is by `<time>#<id>`, so that entries of one instant have an order too. Costs one query
    per month and list until the page is full, so callers limit the time range.
    """
    assert limit > 0
    seen = None if cursor is None else _position(merchant, kind.name, cursor)
    # No sort key equals a bare instant, so the inclusive ends mean `since <= time < until`; `seen`
    # is the key of a row that was already shown, and is left out below.
    low, high = stamp(since), stamp(until)
    between = SortKeyRange(low, high if seen is None else min(high, seen))
    rows = _rows(items, kind, merchant, between, limit + 1, seen, lists)
    shown = rows[:limit]
    found = items.get_many([row.key for row in shown])
    following = _cursor(merchant, kind.name, shown[-1].sk) if len(rows) > limit else None
    return Page(tuple(entity for entity in found if entity is not None), following)


def _rows(
    items: Items,
    kind: ListKind[E],
    merchant: str,
    between: SortKeyRange,
    wanted: int,
    seen: str | None,
    lists: int,
) -> list[Row[E]]:
    rows: list[Row[E]] = []
    for month in _months_back(*between):
        of_month = [
            row
            for number in range(lists)
            for row in items.rows(
                list_month(merchant, kind, month, between, number=number),
                newest_first=True,
                limit=wanted - len(rows) + 1,
            )
            if row.sk != seen
        ]
        rows += sorted(of_month, key=lambda row: row.sk, reverse=True)
        if len(rows) >= wanted:
            break
    return rows[:wanted]


def _cursor(merchant: str, kind: str, position: str) -> str:
    return seal(position, merchant, kind)


def _position(merchant: str, kind: str, cursor: str) -> str:
    position = position_in(cursor, merchant, kind)
    try:
        datetime.fromisoformat(position[:STAMP_LENGTH])
    except ValueError as damaged:
        raise not_of_this_list() from damaged
    return position


def _months_back(low: str, high: str) -> Iterator[str]:
    """Yields each `YYYY-MM` from that of `high` back to that of `low`."""
    month = datetime.fromisoformat(f"{high[:7]}-01T00:00:00Z")
    while low[:7] <= (text := stamp(month)[:7]):
        yield text
        if text == "0001-01":
            return
        month = (month - timedelta(days=1)).replace(day=1)
