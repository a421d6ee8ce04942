"""Writes as values: what a flow decided, for the store to carry out all or nothing.

A write states its own condition in the words of the protocol: an `Insert` that nothing stands there
yet, a `Change` that what it changes, and every field it names, is still as it was read. So no write
rests on anything that another writer has changed meanwhile; the store answers `errors.Conflict`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

E = TypeVar("E")

Entity = Any
"""A frozen dataclass of this package that the store knows a key for (`storage/keys.py`)."""


@dataclass(frozen=True, slots=True)
class Insert:
    """Write an entity where none stands."""

    entity: Entity


@dataclass(frozen=True, slots=True)
class Change:
    """Write the fields that differ, if these and those named in `expecting` are as they were
    read."""

    before: Entity
    after: Entity
    expecting: tuple[str, ...] = ()

    @property
    def changed(self) -> tuple[str, ...]:
        names, values = _reader(self.before.__class__)
        read = zip(names, values(self.before), values(self.after), strict=True)
        # What `replace` left alone is the same object: no dataclass is compared then.
        return tuple([name for name, was, now in read if was is not now and was != now])


@dataclass(frozen=True, slots=True)
class ConditionCheck:
    """Write nothing, but only let the rest be written if these fields are as they were read."""

    entity: Entity
    expecting: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove an entity, if the named fields are as they were read."""

    entity: Entity
    expecting: tuple[str, ...] = ()


Write = Insert | Change | ConditionCheck | Remove
Transaction = tuple[Write, ...]


def left(entity: E, transaction: Transaction) -> E:
    """An entity as a transaction leaves it, so that nothing is read after it was written."""
    for write in transaction:
        if isinstance(write, Change) and write.before is entity:
            after: E = write.after
            return after
    return entity


@cache
def _reader(cls: Any) -> tuple[tuple[str, ...], Callable[[Entity], tuple[Any, ...]]]:
    """The names of an entity's fields, and what reads all of them at once."""
    names = tuple(f.name for f in fields(cls))
    return names, attrgetter(*names)
