"""Lists by the aux index, page by page: rows name items, and an item decides whether it is shown.

A page costs one query and one read of many where every row is shown, and at most READS_AT_MOST of
them where rows are old or the filter leaves most out; it may then be short, and the next goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from billing.kernel.cursors import not_of_this_list, position_in, seal
from billing.kernel.flows.paging import READS_AT_MOST
from billing.kernel.lists import Page
from billing.kernel.writes import E, Entity
from billing.storage.addresses import IndexPartition, Key, Row, SortKeyRange
from billing.storage.items import Items

R = TypeVar("R", bound=Entity)

READ_ON = 100
"""The rows of each further read: the most of one batch."""


def page_where(
    items: Items,
    partition: IndexPartition[R],
    named: Callable[[Key[R]], Key[E]],
    takes: Callable[[E, str], bool],
    *,
    of: str,
    limit: int,
    cursor: str | None,
    newest_first: bool = True,
) -> Page[E]:
    """Returns up to `limit` items that rows of a partition name and `takes` takes.

    `named` returns the key of a row's item; `takes` gets the item and the row's sort key. The
    cursor is bound to the partition and to the filter `of`; raises `Invalid` for another list's.
    """
    bound = (*partition[:2], *partition.between, of)
    at = None if cursor is None else position_in(cursor, *bound)
    if at is not None and not partition.between.low <= at <= partition.between.high:
        raise not_of_this_list()
    shown: list[E] = []
    wanted = limit
    for _ in range(READS_AT_MOST):
        rows, more = _rows(items, partition, at, wanted, newest_first)
        found = items.get_many([named(row.key) for row in rows])
        for row, item in zip(rows, found, strict=True):
            at = row.sk
            if item is not None and takes(item, row.sk):
                shown.append(item)
            if len(shown) == limit:
                more = more or row is not rows[-1]
                break
        if not more:
            return Page(tuple(shown), None)
        if len(shown) == limit:
            break
        wanted = max(READ_ON, limit)
    assert at is not None, "something was read"
    return Page(tuple(shown), seal(at, *bound))


def _rows(
    items: Items, partition: IndexPartition[R], at: str | None, wanted: int, newest_first: bool
) -> tuple[list[Row[R]], bool]:
    """Returns the rows behind a position, and whether there are more of them."""
    low, high = partition.between
    if at is not None:
        # Both ends are included, but only rows behind the position are wanted.
        low, high = (low, at) if newest_first else (at, high)
    behind = partition._replace(between=SortKeyRange(low, high))
    rows = items.rows(behind, newest_first=newest_first, limit=wanted + (1 if at is None else 2))
    left = [row for row in rows if row.sk != at]
    return left[:wanted], len(left) > wanted
