"""Write units of a transaction, write by write, from the sizes of its items.

A write costs one unit per started KB of the larger of the item before and after it, two in a
transaction, a check included. Each index whose entry comes or goes costs one unit more (a move is
two); its projection is keys only. Sizes are names and values in UTF-8, numbers about half their
digits
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from math import ceil
from typing import Any

from billing.kernel.storage import Due
from billing.kernel.values import Value
from billing.kernel.writes import Change, ConditionCheck, Entity, Insert, Transaction, Write
from billing.storage.addresses import Place
from billing.storage.due_keys import owner_key
from billing.storage.dynamo.writes import item_of
from billing.storage.index_places import places_of
from billing.storage.memory.items import MemoryItems

KB = 1024
OP = "0" * 22


class Written(Value):
    """A write: what it was, the size of its item in bytes, and its units by table and indexes."""

    what: str
    size: int
    table_units: int
    index_units: int

    @property
    def units(self) -> int:
        return self.table_units + self.index_units


def units_of(transaction: Transaction) -> Iterator[Written]:
    """Yields the units of each write of a transaction."""
    for write in transaction:
        before, after = _around(write)
        size = max(size_of(entity) for entity in (before, after) if entity is not None)
        name = f"{type(write).__name__} {type(after or before).__name__}"
        yield Written(name, size, 2 * ceil(size / KB), len(changed_places(write)))


def size_of(entity: Entity) -> int:
    """Returns the size of an entity's item in bytes."""
    return sum(len(name) + _size(value) for name, value in item_of(entity, OP).items())


def _around(write: Write) -> tuple[Entity | None, Entity | None]:
    match write:
        case Insert(entity):
            return None, entity
        case Change(before, after):
            return before, after
        case ConditionCheck(entity):
            return entity, entity
    return write.entity, None


def changed_places(write: Write) -> list[Place]:
    """Returns the places in indexes that a write takes and gives, each a unit of its partition."""
    if isinstance(write, ConditionCheck):
        return []
    before, after = _around(write)
    was = {} if before is None else places_of(before)
    now = {} if after is None else places_of(after)
    changed = [index for index in was.keys() | now.keys() if was.get(index) != now.get(index)]
    return [place[index] for place in (was, now) for index in changed if index in place]


def _size(attribute: dict[str, Any]) -> int:
    ((kind, value),) = attribute.items()
    match kind:
        case "S":
            return len(str(value).encode())
        case "N":
            return ceil(len(value.strip("-0") or "0") / 2) + 1 + int(value.startswith("-"))
        case "M":
            return 3 + sum(1 + len(name) + _size(part) for name, part in value.items())
        case "L":
            return 3 + sum(1 + _size(part) for part in value)
    return 1


class MeteredItems(MemoryItems):
    """Items in memory that note what each write would cost in DynamoDB."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[Written] = []

    def move_due_date(self, due: Due, until: datetime) -> bool:
        moved = super().move_due_date(due, until)
        if moved:
            # No read of the sweep's: the recorder of rights must not take it for one.
            moved_item = self._at(owner_key(due))
            assert moved_item is not None, "it was just moved"
            size = size_of(moved_item)
            self.written.append(Written(f"lease of {due.kind}", size, 2 * ceil(size / KB), 2))
        return moved

    def write(self, transaction: Transaction) -> None:
        super().write(transaction)
        self.written += units_of(transaction)
