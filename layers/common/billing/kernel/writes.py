"""Database writes as values: a flow decides them, the store carries them out all or nothing.

Each write states its own condition: an `Insert` that the item does not exist yet, a `Change` that
the fields it changes, and those it names, are still as they were read. So no write rests on
anything that another writer has changed meanwhile; the store raises `errors.Conflict`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

from billing.kernel.values import Value, names


class Entity(Value):
    """Anything the store keeps under a key of its own: every stored class derives from it.

    Keys are in `storage/keys.py`; a subclass is a value too.
    """


E = TypeVar("E", bound=Entity)


class Insert(Value):
    """Writes an entity that does not exist yet."""

    entity: Entity


class Change(Value):
    """Writes the fields that differ.

    The condition: these fields and those in `expecting` are as they were read. One that `reindexes`
    writes its place in the aux index though it stays, for an item from before there was the index;
    it must expect all that the place follows from.
    """

    before: Entity
    after: Entity
    expecting: tuple[str, ...] = ()
    reindexes: bool = False

    @property
    def changed(self) -> tuple[str, ...]:
        every, values = _reader(self.before.__class__)
        read = zip(every, values(self.before), values(self.after), strict=True)
        # A field that `replace` did not change is the same object: no value is compared then.
        return tuple([name for name, was, now in read if was is not now and was != now])


class ConditionCheck(Value):
    """Writes nothing; the other writes of its transaction need these fields to be as they were
    read."""

    entity: Entity
    expecting: tuple[str, ...]


class Remove(Value):
    """Removes an entity, if the named fields are as they were read."""

    entity: Entity
    expecting: tuple[str, ...] = ()


Write = Insert | Change | ConditionCheck | Remove
Transaction = tuple[Write, ...]


def left(entity: E, transaction: Transaction) -> E:
    """Returns an entity as a transaction leaves it, so that it need not be read after the write."""
    for write in transaction:
        if isinstance(write, Change) and write.before is entity:
            assert isinstance(write.after, type(entity)), "a change leaves the class as it is"
            return write.after
    return entity


@cache
def _reader(cls: type[Entity]) -> tuple[tuple[str, ...], Callable[[Entity], tuple[Any, ...]]]:
    """Returns the names of an entity's fields, and a function that reads all of them at once."""
    every = names(cls)
    return every, attrgetter(*every)
