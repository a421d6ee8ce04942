"""Addresses in the core table: keys, ranges, partitions, and places in indexes.

Each names the class of entity that is found there, so that a read is typed by where it looks.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Generic, NamedTuple, TypeVar

from billing.kernel.writes import Entity

E_co = TypeVar("E_co", bound=Entity, covariant=True)


class Key(NamedTuple, Generic[E_co]):
    """The primary key of an item that holds an `E_co`."""

    pk: str
    sk: str


class Place(NamedTuple):
    """The place of a row: that of an entity in an index, or that of anything in another table."""

    pk: str
    sk: str


class Row(NamedTuple, Generic[E_co]):
    """One row of an index: its sort key there, and the key of its item."""

    sk: str
    key: Key[E_co]


class SortKeyRange(NamedTuple):
    """A range of sort keys, both ends included; it is one BETWEEN of a key condition."""

    low: str = " "
    high: str = "\U0010ffff"

    @property
    def is_empty(self) -> bool:
        """True if it ends before it begins: nothing is in it, and DynamoDB refuses to look."""
        return self.high < self.low

    @classmethod
    def of(cls, prefix: str) -> SortKeyRange:
        """Returns the range of all sort keys that begin with `prefix`."""
        return cls(prefix, prefix + "\U0010ffff")

    @classmethod
    def until(cls, instant: datetime) -> SortKeyRange:
        """Returns the range of all sort keys that begin with an instant up to this one."""
        return cls(high=f"{stamp(instant)}#\U0010ffff")


EVERYTHING = SortKeyRange()


class Partition(NamedTuple, Generic[E_co]):
    """The items of one partition whose sort keys are in a range, each an `E_co`."""

    pk: str
    between: SortKeyRange = EVERYTHING


class IndexPartition(NamedTuple, Generic[E_co]):
    """The rows of one partition of an index whose sort keys are in a range.

    Each row names the key of an `E_co`.
    """

    name: str
    pk: str
    between: SortKeyRange = EVERYTHING


DUE, LOOKUP, LIST, AUX = "due", "lookup", "list", "aux"
INDEXES = (DUE, LOOKUP, LIST, AUX)


def stamp(instant: datetime) -> str:
    """Returns an aware instant as fixed-width UTC text, which sorts as time does."""
    assert instant.tzinfo is not None, "an instant is aware"
    return _utc_text(instant if instant.tzinfo is UTC else instant.astimezone(UTC))


@lru_cache(maxsize=1024)
def _utc_text(instant: datetime) -> str:
    # Only for UTC: two instants of one wall time that a zone has twice count as equal in Python.
    return instant.isoformat(timespec="microseconds")[: -len("+00:00")] + "Z"


STAMP_LENGTH = len("2026-01-31T15:00:00.000000Z")
