"""The sorted rows under the in-memory indexes behave as a sorted list does."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from billing.storage.addresses import Key, Row, SortKeyRange
from billing.storage.memory.items import SortedRows


class SmallChunks(SortedRows):
    """Splits soon, so that a few rows are many chunks."""

    __slots__ = ()
    CHUNK = 2


SORT_KEYS = st.sampled_from("bcdefgh")
ROWS = st.builds(Row, SORT_KEYS, st.builds(Key, st.just("p"), st.sampled_from("123")))


@given(st.lists(ROWS, unique=True), st.data())
def test_rows_come_in_order_from_any_sort_key_range(
    rows: list[Row[Any]], data: st.DataObject
) -> None:
    index = SmallChunks()
    for row in rows:
        index.add(row)
    gone = data.draw(st.lists(st.sampled_from(rows), unique=True)) if rows else []
    for row in gone:
        index.discard(row)
    left = sorted(set(rows) - set(gone))
    assert bool(index) == bool(left)
    low, high = data.draw(st.tuples(st.sampled_from("aceg"), st.sampled_from("bdhz")))
    wanted = [row for row in left if low <= row.sk <= high]
    assert list(index.between(SortKeyRange(low, high), newest_first=False)) == wanted
    assert list(index.between(SortKeyRange(low, high), newest_first=True)) == wanted[::-1]
