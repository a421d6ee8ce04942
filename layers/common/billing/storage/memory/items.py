"""Items in memory with DynamoDB's semantics: conditions, all or nothing, one write per item.

For tests, the simulator and benchmarks. Entities are frozen, so they are kept as they are.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from threading import Lock

from billing.kernel.errors import Conflict
from billing.kernel.storage import Due
from billing.kernel.values import replace
from billing.kernel.writes import (
    Change,
    ConditionCheck,
    E,
    Entity,
    Insert,
    Remove,
    Transaction,
    Write,
)
from billing.storage.addresses import (
    INDEXES,
    IndexPartition,
    Key,
    Partition,
    Place,
    Row,
    SortKeyRange,
)
from billing.storage.due_keys import owner_key
from billing.storage.entity_classes import Decoded
from billing.storage.entity_keys import keys_of
from billing.storage.index_places import places_of

_NOWHERE: Mapping[str, Place] = {}

LONGEST_PK, LONGEST_SK = 2048, 1024
"""The most bytes of a key that DynamoDB accepts."""


class MemoryItems:
    """A table of entities and its indexes, behind one lock."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._partitions: dict[str, dict[str, Decoded]] = {}
        self._sort_keys: dict[str, list[str]] = {}
        self._indexes: dict[str, dict[str, SortedRows]] = {index: {} for index in INDEXES}
        self._indexed: dict[Key[Entity], Mapping[str, Place]] = {}

    def get(self, key: Key[E]) -> E | None:
        with self._lock:
            return self._at(key)

    def get_many(self, keys: Sequence[Key[E]]) -> list[E | None]:
        with self._lock:
            return [self._at(key) for key in keys]

    def query(
        self, partition: Partition[E], *, newest_first: bool = False, limit: int | None = None
    ) -> list[E]:
        pk, (low, high) = partition
        check_key(pk)
        with self._lock:
            items, sks = self._partitions.get(pk, {}), self._sort_keys.get(pk, [])
            start, end = bisect_left(sks, low), bisect_right(sks, high)
            if limit is not None and newest_first:
                start = max(start, end - limit)
            elif limit is not None:
                end = min(end, start + limit)
            return [items[sk] for sk in sks[start:end][:: -1 if newest_first else 1]]

    def rows(
        self, partition: IndexPartition[E], *, newest_first: bool = False, limit: int | None = None
    ) -> list[Row[E]]:
        index, pk, between = partition
        with self._lock:
            rows = self._indexes[index].get(pk)
            return [] if rows is None else list(islice(rows.between(between, newest_first), limit))

    def move_due_dates(self, dues: Sequence[Due], until: datetime) -> list[bool]:
        return [self.move_due_date(due, until) for due in dues]

    def move_due_date(self, due: Due, until: datetime) -> bool:
        key = owner_key(due)
        with self._lock:
            entity = self._at(key)
            if entity is None or entity.due_at != due.due_at or entity.due_kind != due.kind:
                return False
            self._put(key, replace(entity, due_at=until))
            return True

    def write(self, transaction: Transaction) -> None:
        keys = keys_of(transaction)
        with self._lock:
            for key, write in zip(keys, transaction, strict=True):
                if not _holds(write, self._at(key)):
                    raise Conflict(note=f"{type(write).__name__} of {key.sk}")
            for key, write in zip(keys, transaction, strict=True):
                self._carry_out(key, write)

    def write_each(self, transactions: Sequence[Transaction]) -> list[Conflict | None]:
        outcomes: list[Conflict | None] = []
        for transaction in transactions:
            try:
                self.write(transaction)
            except Conflict as conflict:
                outcomes.append(conflict)
            else:
                outcomes.append(None)
        return outcomes

    def _at(self, key: Key[E]) -> E | None:
        pk, sk = key
        partition = self._partitions.get(pk)
        entity = None if partition is None else partition.get(sk)
        if entity is None:  # the key of what stands was checked when it was written
            check_key(pk, sk)
        return entity

    def _carry_out(self, key: Key[Entity], write: Write) -> None:
        match write:
            case Insert(entity):
                self._put(key, entity)
            case Change():
                # Fields changed by others that this change neither writes nor expects stay.
                current = self._partitions[key.pk][key.sk]
                if current is write.before:
                    self._put(key, write.after)
                    return
                changes = {name: getattr(write.after, name) for name in write.changed}
                self._put(key, replace(current, **changes))
            case Remove():
                self._put(key, None)
            case ConditionCheck():
                pass

    def _put(self, key: Key[Entity], entity: Entity | None) -> Entity | None:
        """Stores or removes an entity and returns the one before."""
        before = self._at(key)
        if entity is not None:
            self._partitions.setdefault(key.pk, {})[key.sk] = entity
            if before is None:
                insort(self._sort_keys.setdefault(key.pk, []), key.sk)
        elif before is not None:
            partition, sks = self._partitions[key.pk], self._sort_keys[key.pk]
            del partition[key.sk]
            del sks[bisect_left(sks, key.sk)]
            if not partition:
                del self._partitions[key.pk], self._sort_keys[key.pk]
        old = self._indexed.pop(key, _NOWHERE)
        new = _NOWHERE if entity is None else places_of(entity)
        if new:
            self._indexed[key] = new
        if old != new:
            for index in old.keys() | new.keys():
                if old.get(index) != new.get(index):
                    self._reindex(self._indexes[index], key, old.get(index), new.get(index))
        return before

    @staticmethod
    def _reindex(
        index: dict[str, SortedRows], key: Key[Entity], old: Place | None, new: Place | None
    ) -> None:
        if old is not None:
            index[old.pk].discard(Row(old.sk, key))
            if not index[old.pk]:
                del index[old.pk]
        if new is not None:
            check_key(new.pk, new.sk)
            index.setdefault(new.pk, SortedRows()).add(Row(new.sk, key))


def check_key(pk: str, sk: str = "-") -> None:
    """Raises `ValueError`, a bug, where DynamoDB would refuse the request for a key that is empty
    or too long.

    The path of a stranger's request must be checked before it is used as an id.
    """
    short = 4 * len(pk) <= LONGEST_PK and 4 * len(sk) <= LONGEST_SK  # however it is encoded
    if not short and (len(pk.encode()) > LONGEST_PK or len(sk.encode()) > LONGEST_SK):
        raise ValueError("DynamoDB takes no key of this length.")
    if not pk or not sk:
        raise ValueError("DynamoDB takes no empty key.")


def _holds(write: Write, current: Entity | None) -> bool:
    match write:
        case Insert():
            return current is None
        case Change(before, _, expecting):
            if current is before:  # nobody has written since it was read
                return True
            return current is not None and _same(before, current, {*write.changed, *expecting})
        case ConditionCheck(entity, expecting):
            return current is not None and _same(entity, current, expecting)
        case Remove(entity, expecting):
            return not expecting or (current is not None and _same(entity, current, expecting))


def _same(read: Entity, current: Entity, names: Iterable[str]) -> bool:
    return all(getattr(read, name) == getattr(current, name) for name in names)


class SortedRows:
    """Sorted rows in chunks, so that adding or removing one of a million moves few of them."""

    __slots__ = ("_chunks",)

    CHUNK = 1000

    def __init__(self) -> None:
        self._chunks: list[list[Row[Decoded]]] = []

    def __bool__(self) -> bool:
        return bool(self._chunks)

    @property
    def first(self) -> Row[Decoded]:
        return self._chunks[0][0]

    def add(self, row: Row[Decoded]) -> None:
        if not self._chunks:
            self._chunks.append([row])
            return
        place = self._chunk_of(row)
        chunk = self._chunks[place]
        insort(chunk, row)
        if len(chunk) > 2 * self.CHUNK:
            self._chunks.insert(place + 1, chunk[self.CHUNK :])
            del chunk[self.CHUNK :]

    def discard(self, row: Row[Decoded]) -> None:
        place = self._chunk_of(row)
        chunk = self._chunks[place]
        at = bisect_left(chunk, row)
        assert chunk[at] == row, "every row is removed as it was added"
        del chunk[at]
        if not chunk:
            del self._chunks[place]

    def between(self, between: SortKeyRange, newest_first: bool) -> Iterator[Row[Decoded]]:
        """Yields the rows whose sort keys are in the range, in either direction."""
        low, high = between
        step = -1 if newest_first else 1
        if newest_first:
            place = bisect_right(self._chunks, high, key=_first_sk) - 1
        else:
            place = max(0, bisect_left(self._chunks, low, key=_first_sk) - 1)
        while 0 <= place < len(self._chunks):
            chunk = self._chunks[place]
            start = bisect_left(chunk, low, key=_sk)
            end = bisect_right(chunk, high, key=_sk)
            yield from chunk[start:end][::step]
            if (start > 0) if newest_first else (end < len(chunk)):
                return
            place += step

    def _chunk_of(self, row: Row[Decoded]) -> int:
        return max(0, bisect_right(self._chunks, row, key=_first) - 1)


def _first(chunk: list[Row[Decoded]]) -> Row[Decoded]:
    return chunk[0]


def _first_sk(chunk: list[Row[Decoded]]) -> str:
    return chunk[0].sk


def _sk(row: Row[Decoded]) -> str:
    return row.sk
