"""Places in the due index: what is to be done, by kind, shard and instant."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from billing.kernel.due import DueKind
from billing.kernel.storage import Due
from billing.storage.addresses import (
    DUE,
    STAMP_LENGTH,
    IndexPartition,
    Place,
    Row,
    SortKeyRange,
    stamp,
)

if TYPE_CHECKING:
    from billing.storage.keys import WithDueDate


def due(kind: DueKind, shard: int, until: datetime) -> IndexPartition[WithDueDate]:
    """Returns where the due dates of a kind and shard are, up to an instant."""
    return IndexPartition(DUE, due_shard(kind, shard), SortKeyRange.until(until))


def due_kind(kind: DueKind) -> str:
    """Returns the partition prefix of one kind of due date, for all shards."""
    return f"DUE#{kind}#"


@cache
def due_shard(kind: DueKind, shard: int) -> str:
    return f"{due_kind(kind)}{shard}"


def due_sort_key(due_at: datetime, owner: tuple[str, ...]) -> str:
    return "#".join((stamp(due_at), *owner))


_OWNER_PARTS = {
    DueKind.CHECKOUT: 2,
    DueKind.ERASE: 2,
    DueKind.TICKET: 2,
    DueKind.ACCOUNT: 1,
    DueKind.JOB: 1,
}


def due_of(kind: DueKind, row: Row[WithDueDate]) -> Due:
    """Returns the due date of a row of the due index."""
    due_at, owner = row.sk[:STAMP_LENGTH], row.sk[STAMP_LENGTH + 1 :]
    parts = owner.split("#", _OWNER_PARTS.get(kind, 3) - 1)
    return Due(kind, datetime.fromisoformat(due_at), tuple(parts))


def due_place(entity: WithDueDate, *owner: str) -> dict[str, Place]:
    """Returns the place of what has a due date in the due index; none while it has none."""
    if entity.due_at is None:
        return {}
    return {
        DUE: Place(due_shard(entity.due_kind, entity.shard), due_sort_key(entity.due_at, owner))
    }
