"""Carries out writes: alone, in transactions, many transactions in one call.

Each recognises itself by its operation id, where a lost reply makes the SDK send it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from billing.kernel.errors import Conflict, Unavailable, Uncertain
from billing.kernel.storage import Due
from billing.kernel.writes import Entity, Transaction
from billing.storage.addresses import Key
from billing.storage.due_keys import owner_key
from billing.storage.dynamo.calls import Calls, ConditionFailed, Contested
from billing.storage.dynamo.failures import Request
from billing.storage.dynamo.writes import Action, action, move_due_date
from billing.storage.entity_keys import MOST_WRITES, keys_of

T = TypeVar("T")

_SINGLE = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem"}


class ItemWriter:
    """The writes of a core table."""

    def __init__(self, table: str, calls: Calls) -> None:
        self._table = table
        self._call = calls

    def move_due_dates(self, dues: Sequence[Due], until: datetime) -> list[bool]:
        def move(due: Due, op: str) -> list[Action]:
            return [move_due_date(due, until, self._table, op)]

        return [refused is None for refused in self._each(dues, lambda d: [owner_key(d)], move)]

    def write(self, transaction: Transaction) -> None:
        keys_of(transaction)
        if transaction:
            op = self._call.new_op()
            self._commit(self._actions(transaction, op), op)

    def write_each(self, transactions: Sequence[Transaction]) -> list[Conflict | None]:
        return self._each(transactions, keys_of, self._actions)

    def _each(
        self,
        jobs: Sequence[T],
        keys_of: Callable[[T], Sequence[Key[Entity]]],
        actions_of: Callable[[T, str], list[Action]],
    ) -> list[Conflict | None]:
        outcomes: list[Conflict | None] = []
        for pack in _packs(jobs, keys_of):
            op = self._call.new_op()
            outcomes += self._write_pack([actions_of(job, op) for job in pack], op)
        return outcomes

    def _write_pack(self, pack: Sequence[list[Action]], op: str) -> list[Conflict | None]:
        """Writes all transactions in one call; those that are refused are left out and it is
        repeated.

        They touch different items, so each is checked as it would be by itself. A conflict with
        another writer that outlasts the retries counts as `Conflict`: nothing of that transaction
        was written.
        """
        outcomes: list[Conflict | None] = [None] * len(pack)
        left = [place for place, actions in enumerate(pack) if actions]
        while left:
            try:
                self._commit([each for place in left for each in pack[place]], op)
            except (ConditionFailed, Contested) as refused:
                owners = [place for place in left for _ in pack[place]]
                bad = {owners[n] for n in refused.places}
                for place in bad:
                    outcomes[place] = Conflict()
                left = [place for place in left if place not in bad]
            else:
                break
        return outcomes

    def _actions(self, transaction: Transaction, op: str) -> list[Action]:
        return [action(write, self._table, op) for write in transaction]

    def _commit(self, actions: Sequence[Action], op: str) -> None:
        """Carries actions out, all or none; raises `Uncertain` where no response says which."""
        try:
            self._send(actions, op)
        except Contested:
            raise  # that reply says that nothing was written
        except Unavailable as lost:
            raise Uncertain(lost.note) from lost

    def _send(self, actions: Sequence[Action], op: str) -> None:
        (name, request), *others = actions
        # A completed removal leaves no `op` to recognise, and a check is no single write.
        recognised = name in {"Put", "Update"} or "ConditionExpression" not in request
        if others or not recognised:
            token = self._call.new_op()
            items = [{name: request} for name, request in actions]
            self._call("TransactWriteItems", {"TransactItems": items, "ClientRequestToken": token})
        else:
            self._single(_SINGLE[name], request, op)

    def _single(self, operation: str, request: Request, op: str) -> None:
        """Makes a conditional write that recognises itself: after a lost response the SDK sends it
        again."""
        try:
            self._call(operation, {**request, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"})
        except ConditionFailed as refused:
            if refused.old is None or refused.old.get("op") != {"S": op}:
                raise


def _packs(jobs: Sequence[T], keys_of: Callable[[T], Sequence[Key[Entity]]]) -> Iterator[list[T]]:
    """Groups neighbouring jobs that touch different items, up to the most writes of one call."""
    pack: list[T] = []
    touched: set[Key[Entity]] = set()
    for job in jobs:
        keys = keys_of(job)
        if pack and (len(touched) + len(keys) > MOST_WRITES or not touched.isdisjoint(keys)):
            yield pack
            pack, touched = [], set()
        pack.append(job)
        touched.update(keys)
    if pack:
        yield pack
