"""Items in a DynamoDB table: reads, strongly consistent but where they are of an index."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache

from billing.kernel.errors import Unavailable
from billing.kernel.writes import E
from billing.storage import codec, key_fields
from billing.storage.addresses import IndexPartition, Key, Partition, Row, SortKeyRange
from billing.storage.dynamo.calls import key_attributes
from billing.storage.dynamo.expressions import ExpressionBuilder
from billing.storage.dynamo.failures import Item, Request
from billing.storage.dynamo.transactions import ItemWriter
from billing.storage.entity_classes import Decoded, class_of

MOST_GETS = 100
"""The most keys of one BatchGetItem: DynamoDB's limit."""


class DynamoItems(ItemWriter):
    """The items of a core table."""

    def get(self, key: Key[E]) -> E | None:
        request = {"TableName": self._table, "Key": key_attributes(key), "ConsistentRead": True}
        item = self._call("GetItem", request).get("Item")
        return None if item is None else entity_of(item)

    def get_many(self, keys: Sequence[Key[E]]) -> list[E | None]:
        wanted = list(dict.fromkeys(keys))
        found: dict[Key[E], E | None] = {}
        for start in range(0, len(wanted), MOST_GETS):
            found |= self._batch(wanted[start : start + MOST_GETS])
        return [found.get(key) for key in keys]

    def query(
        self, partition: Partition[E], *, newest_first: bool = False, limit: int | None = None
    ) -> list[E]:
        if partition.between.is_empty:
            return []
        request = self._between("pk", "sk", partition.pk, partition.between, newest_first)
        found = self._pages({**request, "ConsistentRead": True}, limit)
        # Items of a newer version of the code are skipped.
        return [entity for item in found if (entity := entity_of(item)) is not None]

    def rows(
        self, partition: IndexPartition[E], *, newest_first: bool = False, limit: int | None = None
    ) -> list[Row[E]]:
        index, pk, between = partition
        if between.is_empty:
            return []
        request = self._between(f"{index}_pk", f"{index}_sk", pk, between, newest_first)
        found = self._pages({**request, "IndexName": index}, limit)
        return [Row(item[f"{index}_sk"]["S"], key_in(item)) for item in found]

    def _batch(self, keys: Sequence[Key[E]]) -> dict[Key[E], E | None]:
        found: dict[Key[E], E | None] = {}
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
        self, pk_name: str, sk_name: str, pk: str, between: SortKeyRange, newest_first: bool
    ) -> Request:
        terms = ExpressionBuilder()
        partition = f"{terms.path(pk_name)} = {terms.value({'S': pk})}"
        low, high = (terms.value({"S": end}) for end in between)
        sort_key = f"{terms.path(sk_name)} BETWEEN {low} AND {high}"
        return {
            "TableName": self._table,
            "KeyConditionExpression": f"{partition} AND {sort_key}",
            "ScanIndexForward": not newest_first,
            **terms.parameters(),
        }

    def _pages(self, request: Request, limit: int | None) -> Iterator[Item]:
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


def entity_of(item: Item) -> Decoded:
    """Returns the entity of a stored item; None if only a newer version of the code knows its
    type."""
    decode = _decoder(item["type"]["S"])
    return None if decode is None else decode(item)


@cache
def _decoder(name: str) -> Callable[[Item], Decoded] | None:
    """Returns what decodes items of a type, looked up once."""
    cls = class_of(name)
    if cls is None:
        return None
    implied = key_fields.reader_for(cls)
    if implied is None:
        return lambda item: codec.decode(cls, item["body"])
    return lambda item: codec.decode(cls, item["body"], implied(key_in(item)))


def key_in(item: Item) -> Key[Decoded]:
    return Key(item["pk"]["S"], item["sk"]["S"])
