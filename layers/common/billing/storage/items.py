"""A table as the store sees it: items by key, partitions in order, indexes, conditional writes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from billing.kernel.errors import Conflict
from billing.kernel.storage import Due
from billing.kernel.writes import E, Transaction
from billing.storage.addresses import IndexPartition, Key, Partition, Row


class Items(Protocol):
    """A table of entities in DynamoDB or in memory; an address says which class is read there."""

    def get(self, key: Key[E]) -> E | None:
        """Returns one item, strongly consistent."""
        ...

    def get_many(self, keys: Sequence[Key[E]]) -> list[E | None]:
        """Returns items in the order asked for, strongly consistent."""
        ...

    def query(
        self, partition: Partition[E], *, newest_first: bool = False, limit: int | None = None
    ) -> list[E]:
        """Returns items of one partition by sort key, strongly consistent."""
        ...

    def rows(
        self, partition: IndexPartition[E], *, newest_first: bool = False, limit: int | None = None
    ) -> list[Row[E]]:
        """Returns rows of one partition of an index by sort key, eventually consistent."""
        ...

    def move_due_dates(self, dues: Sequence[Due], until: datetime) -> list[bool]:
        """Moves each due date whose kind and instant are unchanged; returns which ones it moved."""
        ...

    def write(self, transaction: Transaction) -> None:
        """Writes all or nothing; raises `Conflict`."""
        ...

    def write_each(self, transactions: Sequence[Transaction]) -> list[Conflict | None]:
        """Writes each transaction all or nothing by itself, in order."""
        ...


def listed(items: Items, partition: IndexPartition[E], *, limit: int | None = None) -> list[E]:
    """Returns the items that the rows of an index name, without those gone since."""
    rows = items.rows(partition, limit=limit)
    return [item for item in items.get_many([row.key for row in rows]) if item is not None]
