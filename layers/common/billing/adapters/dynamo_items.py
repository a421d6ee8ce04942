"""Items in a DynamoDB table: consistent reads, conditional writes, transactions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from billing.adapters import codec
from billing.adapters.dynamo_calls import Calls, ConditionFailed, Request
from billing.adapters.dynamo_writes import Terms, action, key_attributes
from billing.adapters.keys import (
    ENTITIES,
    MOST_WRITES,
    Key,
    Row,
    Stretch,
    due_kind,
    due_sort_key,
    keys_of,
    owner_key,
    stamp,
)
from billing.errors import Conflict, Unavailable
from billing.ports import Due
from billing.transactions import Change, Entity, Insert, Remove, Transaction, Write

MOST_GETS = 100
"""Of one BatchGetItem: DynamoDB's limit."""

_EVERYTHING = Stretch()
_SINGLE = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem"}


class DynamoItems:
    """A core table."""

    def __init__(self, table: str, calls: Calls) -> None:
        self._table = table
        self._call = calls

    def get(self, key: Key) -> Entity | None:
        answer = self._call("GetItem", self._on(key, ConsistentRead=True))
        return _entity(answer["Item"]) if "Item" in answer else None

    def get_many(self, keys: Sequence[Key]) -> list[Entity | None]:
        wanted = list(dict.fromkeys(keys))
        found: dict[Key, Entity | None] = {}
        for start in range(0, len(wanted), MOST_GETS):
            found |= self._batch(wanted[start : start + MOST_GETS])
        return [found.get(key) for key in keys]

    def query(
        self,
        pk: str,
        stretch: Stretch = _EVERYTHING,
        *,
        newest_first: bool = False,
        limit: int | None = None,
    ) -> list[Entity]:
        request = self._between("pk", "sk", pk, stretch, newest_first)
        found = self._pages({**request, "ConsistentRead": True}, limit)
        # What a newer version of the code has put there is no business of this one.
        return [entity for item in found if (entity := _entity(item)) is not None]

    def rows(
        self,
        index: str,
        pk: str,
        stretch: Stretch = _EVERYTHING,
        *,
        newest_first: bool = False,
        limit: int | None = None,
    ) -> list[Row]:
        request = self._between(f"{index}_pk", f"{index}_sk", pk, stretch, newest_first)
        found = self._pages({**request, "IndexName": index}, limit)
        return [
            Row(item[f"{index}_sk"]["S"], Key(item["pk"]["S"], item["sk"]["S"])) for item in found
        ]

    def move_alarm(self, due: Due, until: datetime) -> bool:
        terms = Terms()
        due_at, op = terms.path("body", "due_at"), self._call.new_op()
        sets = {
            due_at: stamp(until),
            terms.path("due_sk"): due_sort_key(until, due.owner),
            terms.path("op"): op,
        }
        update = ", ".join(f"{path} = {terms.value({'S': v})}" for path, v in sets.items())
        # An alarm's kind is in the index key, whose shard the row does not name.
        seen = f"{due_at} = {terms.value({'S': stamp(due.due_at)})}"
        kind = f"begins_with({terms.path('due_pk')}, {terms.value({'S': due_kind(due.kind)})})"
        request = self._on(
            owner_key(due),
            UpdateExpression=f"SET {update}",
            ConditionExpression=f"{seen} AND {kind}",
            **terms.parameters(),
        )
        try:
            self._single("UpdateItem", request, op)
        except Conflict:
            return False
        return True

    def write(self, transaction: Transaction) -> None:
        keys_of(transaction)
        match transaction:
            case ():
                return
            case (Insert() | Change() | Remove(as_read=()) as write,):
                op = self._call.new_op()
                name, request = action(write, self._table, op)
                self._single(_SINGLE[name], request, op)
            case _:
                self._transact(transaction)

    def write_each(self, transactions: Sequence[Transaction]) -> list[Conflict | None]:
        outcomes: list[Conflict | None] = []
        for pack in _packs(transactions):
            outcomes += self._write_pack(pack)
        return outcomes

    def _write_pack(self, pack: list[Transaction]) -> list[Conflict | None]:
        """All in one call; the transactions whose conditions fail are left out and it is repeated.

        They touch different items, so each of them is judged as it would be by itself.
        """
        outcomes: list[Conflict | None] = [None] * len(pack)
        left = [place for place, transaction in enumerate(pack) if transaction]
        while left:
            try:
                self.write(tuple(write for place in left for write in pack[place]))
            except ConditionFailed as refused:
                owners = [place for place in left for _ in pack[place]]
                bad = {owners[n] for n in refused.failed}
                for place in bad:
                    outcomes[place] = refused
                left = [place for place in left if place not in bad]
            else:
                break
        return outcomes

    def _single(self, operation: str, request: Request, op: str) -> None:
        """A conditional write that recognises itself: a lost reply makes the SDK send it again."""
        try:
            self._call(operation, {**request, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"})
        except ConditionFailed as refused:
            if refused.old is None or refused.old.get("op") != {"S": op}:
                raise

    def _transact(self, writes: Sequence[Write]) -> None:
        op = self._call.new_op()
        actions = [dict([action(write, self._table, op)]) for write in writes]
        self._call("TransactWriteItems", {"TransactItems": actions, "ClientRequestToken": op})

    def _batch(self, keys: Sequence[Key]) -> dict[Key, Entity | None]:
        found: dict[Key, Entity | None] = {}
        asked = {"Keys": [key_attributes(key) for key in keys], "ConsistentRead": True}
        for pause in self._call.pauses():
            self._call.pause(pause)
            answer = self._call("BatchGetItem", {"RequestItems": {self._table: asked}})
            for item in answer["Responses"].get(self._table, ()):
                found[Key(item["pk"]["S"], item["sk"]["S"])] = _entity(item)
            if not answer.get("UnprocessedKeys"):
                return found
            asked = answer["UnprocessedKeys"][self._table]
        raise Unavailable("DynamoDB is busy.")

    def _between(
        self, pk_name: str, sk_name: str, pk: str, stretch: Stretch, newest_first: bool
    ) -> Request:
        terms = Terms()
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


def _packs(transactions: Sequence[Transaction]) -> Iterator[list[Transaction]]:
    """Neighbours that touch different items, in packs of as many writes as one call may have."""
    pack: list[Transaction] = []
    touched: set[Key] = set()
    for transaction in transactions:
        keys = keys_of(transaction)
        if pack and (len(touched) + len(keys) > MOST_WRITES or not touched.isdisjoint(keys)):
            yield pack
            pack, touched = [], set()
        pack.append(transaction)
        touched.update(keys)
    if pack:
        yield pack


def _entity(item: dict[str, Any]) -> Entity | None:
    cls = ENTITIES.get(item["type"]["S"])
    return None if cls is None else codec.decode(cls, item["body"])
