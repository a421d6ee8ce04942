"""The table: the product's in-memory items behind the wire, with what DynamoDB adds to them.

A lost reply: the adapter gives every conditional write an operation id and sends it again, so
mostly a flow sees nothing of it; when the second reply is lost too, it sees `Uncertain` after the
effect; and for a single write that another writer has written over meanwhile, a `Conflict` although
it was done (`asked_again`). Transaction conflicts and throttling are waited out by the adapter, and
are `Unavailable` before the effect when they last.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any, Protocol

from billing.kernel.errors import Conflict
from billing.kernel.storage import Due
from billing.kernel.values import Value, fields, replace
from billing.kernel.writes import Change, E, Entity, Insert, Transaction, Write
from billing.storage.addresses import IndexPartition, Key, Partition, Row
from billing.storage.due_keys import owner_key
from billing.storage.entity_classes import Decoded
from billing.storage.entity_keys import key_of
from billing.storage.index_places import places_of
from billing.storage.memory.items import MemoryItems
from sim.chance import stretched
from sim.virtual_clock import SECOND, Invocation
from sim.wire import Wire

Put = tuple[Key[Decoded], Decoded, Decoded]
"""One item's change: its key, the item before, the item after; None is no item."""

LAG_US = (1_000, 20 * SECOND)
PACK = 20


class Blind(Value):
    """A write without its conditions: only mutants make them."""

    write: Write


class Table(MemoryItems):
    """Items that report what changed, and that can show an index as it was a moment ago."""

    def __init__(self, now_us: Callable[[], int]) -> None:
        super().__init__()
        self.committed: Callable[[list[Put]], None] = lambda puts: None
        self._now_us = now_us
        self._puts: list[Put] = []
        self._journal: deque[tuple[int, Put]] = deque()

    def all(self) -> list[Decoded]:
        """Returns every entity there is."""
        return [entity for items in self._partitions.values() for entity in items.values()]

    def begins_by(self, index: str, pk: str, sk: str) -> bool:
        """Returns whether an index has a row in this partition at `sk` or before."""
        rows = self._indexes[index].get(pk)
        return rows is not None and rows.first.sk <= sk

    def write(self, transaction: Transaction) -> None:
        self._puts = []
        blind: bool = Blind in map(type, transaction)
        seeing = tuple(map(self._seeing, transaction)) if blind else transaction
        super().write(seeing)
        self._report_commit()

    def move_due_date(self, due: Due, until: datetime) -> bool:
        self._puts = []
        moved = super().move_due_date(due, until)
        self._report_commit()
        return moved

    def move_due_date_blindly(self, due: Due, until: datetime) -> bool:
        """Moves a due date without its condition: only a mutant asks for that."""
        key = owner_key(due)
        stands = self._at(key)
        assert stands is not None, "it is leased from a row of the index"
        self._puts = []
        self._put(key, replace(stands, due_at=until))
        self._report_commit()
        return True

    def rows_as_of(
        self,
        at_us: int,
        partition: IndexPartition[E],
        newest_first: bool,
        limit: int | None,
    ) -> list[Row[E]]:
        """Returns the rows of an index as they were: later changes are not there yet."""
        index, pk, (low, high) = partition
        rows = set(self.rows(partition))
        for changed_us, (key, before, after) in reversed(self._journal):
            if changed_us < at_us:
                break
            old, new = (
                places_of(entity).get(index) if entity is not None else None
                for entity in (before, after)
            )
            if old == new:
                continue
            if new is not None and new.pk == pk:
                rows.discard(Row(new.sk, key))
            if old is not None and old.pk == pk and low <= old.sk <= high:
                rows.add(Row(old.sk, key))
        return list(islice(sorted(rows, reverse=newest_first), limit))

    def _put(self, key: Key[Entity], entity: Entity | None) -> Entity | None:
        before = super()._put(key, entity)
        put = (key, before, entity)
        self._puts.append(put)
        now_us = self._now_us()
        self._journal.append((now_us, put))
        while self._journal[0][0] < now_us - LAG_US[1]:
            self._journal.popleft()
        return before

    def _report_commit(self) -> None:
        if self._puts:
            self.committed(self._puts)

    def _seeing(self, write: Write | Blind) -> Write:
        """Makes a blind write rest on whatever stands there."""
        if not isinstance(write, Blind):
            return write
        blind = write.write
        if isinstance(blind, Change):
            stands = self._at(key_of(blind.before))
            changes = {name: getattr(blind.after, name) for name in blind.changed}
            return Change(stands, replace(stands, **changes)) if stands is not None else blind
        if isinstance(blind, Insert):
            stands = self._at(key_of(blind.entity))
            return blind if stands is None else Change(stands, blind.entity)
        return replace(blind, expecting=())


def differences(before: Entity, after: Entity) -> str:
    """Returns the fields of an entity that a write changed, for a person to read."""
    names = [f.name for f in fields(after) if getattr(before, f.name) != getattr(after, f.name)]
    return ", ".join(f"{name}={_shown(getattr(after, name))}" for name in names)


def _shown(value: Any) -> str:
    """Returns a value for a trace: an inner entity by its state, an instant without its zone."""
    if isinstance(value, datetime):
        return value.strftime("%m-%d %H:%M:%S")
    state = getattr(value, "state", None)
    return str(value) if state is None else f"{state} (attempt {getattr(value, 'attempt', 0)})"


def _keys_shown(keys: Sequence[Key[Entity]]) -> str:
    return " ".join(key.sk for key in keys)


def _leases_shown(dues: Sequence[Due], until: datetime) -> str:
    seen = ", ".join(f"{due.owner[-1]} from {_shown(due.due_at)}" for due in dues)
    return f"{seen} to {_shown(until)}"


class Watch(Protocol):
    """An observer of the items that each invocation reads and touches."""

    def read(self, invocation: Invocation, key: Key[Entity]) -> None: ...
    def touch(
        self, invocation: Invocation, keys: Callable[..., Key[Entity]], of: Iterable[Any]
    ) -> None: ...


class SimItems:
    """`adapters.store.Items` over the wire."""

    def __init__(self, table: Table, wire: Wire, watch: Watch) -> None:
        self._table = table
        self._wire = wire
        self._watch = watch

    def get(self, key: Key[E]) -> E | None:
        self._watch.read(self._wire.clockwork.invocation, key)
        return self._wire.call("read", "get", lambda: self._table.get(key), key.sk)

    def get_many(self, keys: Sequence[Key[E]]) -> list[E | None]:
        if not keys:
            return []
        about = partial(_keys_shown, keys)
        return self._wire.call("read", "get_many", lambda: self._table.get_many(keys), about)

    def query(
        self, partition: Partition[E], *, newest_first: bool = False, limit: int | None = None
    ) -> list[E]:
        query = partial(self._table.query, partition, newest_first=newest_first, limit=limit)
        return self._wire.call("read", "query", query, partition.pk)

    def rows(
        self, partition: IndexPartition[E], *, newest_first: bool = False, limit: int | None = None
    ) -> list[Row[E]]:
        def stale(length: float) -> list[Row[E]]:
            at_us = self._wire.clockwork.now_us - int(stretched(*LAG_US, length))
            return self._table.rows_as_of(at_us, partition, newest_first, limit)

        fresh = partial(self._table.rows, partition, newest_first=newest_first, limit=limit)
        return self._wire.call("index", "rows", fresh, partition.pk, {"stale": stale})

    def move_due_dates(self, dues: Sequence[Due], until: datetime) -> list[bool]:
        self._watch.touch(self._wire.clockwork.invocation, owner_key, dues)
        moved: list[bool] = []
        for start in range(0, len(dues), PACK):
            moved += self._move_pack(dues[start : start + PACK], until)
        return moved

    def _move_pack(self, dues: Sequence[Due], until: datetime) -> list[bool]:
        def asked_again(length: float) -> list[bool]:
            moved = self._table.move_due_dates(dues, until)
            if len(dues) > 1:  # the request's token makes DynamoDB answer as it did
                return moved
            self._wire.clockwork.sleep(_pause_us(length))
            stands = self._table.get(owner_key(dues[0]))
            return [moved[0] and stands is not None and stands.due_at == until]

        move = partial(self._table.move_due_dates, dues, until)
        instead = {"asked_again": asked_again}
        about = partial(_leases_shown, dues, until)
        return self._wire.call("write", "move_due_dates", move, about, instead)

    def write(self, transaction: Transaction) -> None:
        if not transaction:
            return
        self._watch.touch(self._wire.clockwork.invocation, _key, transaction)

        def asked_again(length: float) -> None:
            self._table.write(transaction)
            if len(transaction) > 1:  # the request's token makes DynamoDB answer as it did
                return
            stood = self._table.get(_key(transaction[0]))
            self._wire.clockwork.sleep(_pause_us(length))
            if self._table.get(_key(transaction[0])) is not stood:
                raise Conflict("simulated: done, and written over before the reply")

        write = partial(self._table.write, transaction)
        about = partial(_described, (transaction,))
        self._wire.call("write", "write", write, about, {"asked_again": asked_again})

    def write_each(self, transactions: Sequence[Transaction]) -> list[Conflict | None]:
        outcomes: list[Conflict | None] = []
        for start in range(0, len(transactions), PACK):
            pack = transactions[start : start + PACK]
            write = partial(self._table.write_each, pack)
            answers = self._wire.call("write", "write_each", write, partial(_described, pack))
            if any(answers):
                refused = (t for t, answer in zip(pack, answers, strict=True) if answer)
                self._wire.note("refused", partial(_described, tuple(refused)))
            outcomes += answers
        return outcomes


def _pause_us(length: float) -> int:
    return int(stretched(1_000, 3 * SECOND, length))


def _key(write: Write | Blind) -> Key[Entity]:
    bare: Any = write.write if isinstance(write, Blind) else write
    return key_of(bare.before if isinstance(bare, Change) else bare.entity)


def _described(transactions: Sequence[Transaction]) -> str:
    """Returns writes in one line, for a person to read."""
    return "; ".join(" + ".join(map(_described_write, transaction)) for transaction in transactions)


def _described_write(write: Write | Blind) -> str:
    if isinstance(write, Blind):
        return f"blind {_described_write(write.write)}"
    if isinstance(write, Change):
        changed = differences(write.before, write.after)
        return f"{type(write.after).__name__} {key_of(write.before).sk} {changed}"
    name = type(write).__name__.lower()
    return f"{name} {type(write.entity).__name__} {key_of(write.entity).sk}"
