"""Items in a DynamoDB table: consistent reads, conditional writes, transactions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar

from billing.kernel.errors import Conflict, Unavailable, Uncertain
from billing.kernel.storage import Due
from billing.kernel.writes import Entity, Transaction
from billing.storage.dynamo.calls import Calls, ConditionFailed, Contested, Request
from billing.storage.dynamo.writes import (
    Action,
    ExpressionBuilder,
    action,
    entity_of,
    key_attributes,
    key_in,
)
from billing.storage.keys import (
    MOST_WRITES,
    Key,
    Row,
    SortKeyRange,
    due_kind,
    due_sort_key,
    keys_of,
    owner_key,
    stamp,
)

T = TypeVar("T")

MOST_GETS = 100
"""The most keys of one BatchGetItem: DynamoDB's limit."""

_EVERYTHING = SortKeyRange()
_SINGLE = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem"}


class DynamoItems:
    """The items of a core table."""

    def __init__(self, table: str, calls: Calls) -> None:
        self._table = table
        self._call = calls

    def get(self, key: Key) -> Entity | None:
        answer = self._call("GetItem", self._on(key, ConsistentRead=True))
        return entity_of(answer["Item"]) if "Item" in answer else None

    def get_many(self, keys: Sequence[Key]) -> list[Entity | None]:
        wanted = list(dict.fromkeys(keys))
        found: dict[Key, Entity | None] = {}
        for start in range(0, len(wanted), MOST_GETS):
            found |= self._batch(wanted[start : start + MOST_GETS])
        return [found.get(key) for key in keys]

    def query(
        self,
        pk: str,
        stretch: SortKeyRange = _EVERYTHING,
        *,
        newest_first: bool = False,
        limit: int | None = None,
    ) -> list[Entity]:
        request = self._between("pk", "sk", pk, stretch, newest_first)
        found = self._pages({**request, "ConsistentRead": True}, limit)
        # Items of a newer version of the code are skipped.
        return [entity for item in found if (entity := entity_of(item)) is not None]

    def rows(
        self,
        index: str,
        pk: str,
        stretch: SortKeyRange = _EVERYTHING,
        *,
        newest_first: bool = False,
        limit: int | None = None,
    ) -> list[Row]:
        request = self._between(f"{index}_pk", f"{index}_sk", pk, stretch, newest_first)
        found = self._pages({**request, "IndexName": index}, limit)
        return [Row(item[f"{index}_sk"]["S"], key_in(item)) for item in found]

    def move_alarms(self, dues: Sequence[Due], until: datetime) -> list[bool]:
        def move(due: Due, op: str) -> list[Action]:
            return [("Update", self._moved(due, until, op))]

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
        keys_of: Callable[[T], list[Key]],
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

    def _moved(self, due: Due, until: datetime, op: str) -> Request:
        terms = ExpressionBuilder()
        due_at = terms.path("body", "due_at")
        sets = {
            due_at: stamp(until),
            terms.path("due_sk"): due_sort_key(until, due.owner),
            terms.path("op"): op,
        }
        update = ", ".join(f"{path} = {terms.value({'S': v})}" for path, v in sets.items())
        # The due date's kind is part of the index key; the shard in that key is not known here.
        seen = f"{due_at} = {terms.value({'S': stamp(due.due_at)})}"
        kind = f"begins_with({terms.path('due_pk')}, {terms.value({'S': due_kind(due.kind)})})"
        return self._on(
            owner_key(due),
            UpdateExpression=f"SET {update}",
            ConditionExpression=f"{seen} AND {kind}",
            **terms.parameters(),
        )

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

    def _batch(self, keys: Sequence[Key]) -> dict[Key, Entity | None]:
        found: dict[Key, Entity | None] = {}
        asked = {"Keys": [key_attributes(key) for key in keys], "ConsistentRead": True}
        for pause in self._call.pauses():
            self._call.pause(pause)
            answer = self._call("BatchGetItem", {"RequestItems": {self._table: asked}})
            for item in answer["Responses"].get(self._table, ()):
                found[key_in(item)] = entity_of(item)
            if not answer.get("UnprocessedKeys"):
                return found
            asked = answer["UnprocessedKeys"][self._table]
        raise Unavailable("DynamoDB is busy.")

    def _between(
        self, pk_name: str, sk_name: str, pk: str, stretch: SortKeyRange, newest_first: bool
    ) -> Request:
        terms = ExpressionBuilder()
        partition = f"{terms.path(pk_name)} = {terms.value({'S': pk})}"
        low, high = (terms.value({"S": end}) for end in stretch)
        between = f"{terms.path(sk_name)} BETWEEN {low} AND {high}"
        return {
            "TableName": self._table,
            "KeyConditionExpression": f"{partition} AND {between}",
            "ScanIndexForward": not newest_first,
            **terms.parameters(),
        }

    def _pages(self, request: Request, limit: int | None) -> Iterator[dict[str, Any]]:
        given = 0
        while limit is None or given < limit:
            if limit is not None:
                request["Limit"] = limit - given
            answer = self._call("Query", request)
            yield from answer["Items"]
            given += len(answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _on(self, key: Key, **parameters: Any) -> Request:
        return {"TableName": self._table, "Key": key_attributes(key), **parameters}


def _packs(jobs: Sequence[T], keys_of: Callable[[T], list[Key]]) -> Iterator[list[T]]:
    """Groups neighbouring jobs that touch different items, up to the most writes of one call."""
    pack: list[T] = []
    touched: set[Key] = set()
    for job in jobs:
        keys = keys_of(job)
        if pack and (len(touched) + len(keys) > MOST_WRITES or not touched.isdisjoint(keys)):
            yield pack
            pack, touched = [], set()
        pack.append(job)
        touched.update(keys)
    if pack:
        yield pack
