"""Lists rows of the core table that wait for a time: rows of its `due` index, and outbox rows.

Whatever their kind, a schedule's tick at or after that time has something to do.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from billing.kernel.values import Value

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_INDEX = "due"
_OUTBOX = "OB"


class DueRow(Value):
    """A row that waits for a time. `key` is another one as soon as the row is put off."""

    kind: str
    key: str
    at: datetime


class DueRows:
    def __init__(
        self, dynamodb: "DynamoDBClient", tables: Mapping[str, Mapping[str, Any]], shards: int
    ) -> None:
        self._dynamodb = dynamodb
        self._shards = range(shards)
        self._table, properties, index = _table_with_index(tables)
        self._outbox_key, self._outbox_sort = _key_names(properties)
        self._partition, self._sort = _key_names(index)

    def earliest_first(self) -> list[DueRow]:
        # One scan of a sparse index of keys is a tenth of what asking each partition costs.
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName=self._table,
            IndexName=_INDEX,
            ProjectionExpression="#partition, #sort",
            ExpressionAttributeNames={"#partition": self._partition, "#sort": self._sort},
        )
        found = _rows(pages, self._partition, self._sort)
        return sorted([*found, *self._outbox()], key=lambda row: row.at)

    def _outbox(self) -> Iterator[DueRow]:
        for shard in self._shards:
            pages = self._dynamodb.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="#partition = :partition",
                ProjectionExpression="#partition, #sort",
                ExpressionAttributeNames={
                    "#partition": self._outbox_key,
                    "#sort": self._outbox_sort,
                },
                ExpressionAttributeValues={":partition": {"S": f"{_OUTBOX}#{shard}"}},
                ConsistentRead=True,
            )
            yield from _rows(pages, self._outbox_key, self._outbox_sort)


def _rows(pages: Iterable[Any], partition: str, sort: str) -> Iterator[DueRow]:
    for page in pages:
        for item in page["Items"]:
            where, when = item[partition]["S"], item[sort]["S"]
            at = datetime.fromisoformat(when.partition("#")[0])
            yield DueRow(where.rpartition("#")[0], f"{where} {when}", at)


def _table_with_index(
    tables: Mapping[str, Mapping[str, Any]],
) -> tuple[str, Mapping[str, Any], Mapping[str, Any]]:
    for name, properties in tables.items():
        for index in properties.get("GlobalSecondaryIndexes", []):
            if index["IndexName"] == _INDEX:
                return name, properties, index
    raise ValueError(f"template.yaml has no table with an index named {_INDEX!r}")


def _key_names(properties: Mapping[str, Any]) -> tuple[str, str]:
    first, second = (key["AttributeName"] for key in properties["KeySchema"])
    return first, second
