"""The sandbox gateway's own ledger, apart from ours: on DynamoDB, or in memory (W-3).

Rows are JSON objects with a revision; a write states the revision it was read at. They are in the
ephemeral table without an expiry: that table is not restored with ours, as a gateway would not be.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from threading import Lock
from typing import Any, Protocol

from billing.kernel.errors import Conflict

Row = dict[str, Any]

Call = Callable[[str, dict[str, Any]], dict[str, Any]]
"""A caller of DynamoDB by an operation's name; a condition that does not hold is a `Conflict`."""


class SandboxLedger(Protocol):
    """A small compare-and-set store of the gateway's own."""

    def read(self, key: str) -> tuple[Row, int] | None:
        """Reads a row and its revision."""
        ...

    def write(self, key: str, row: Row, *, revision: int) -> bool:
        """Writes over `revision` (0: where there is none); False when it is another by now."""
        ...

    def rows(self) -> list[Row]:
        """Lists every row."""
        ...


class MemoryLedger:
    """The sandbox's ledger for tests and the simulator."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[Row, int]] = {}
        self._lock = Lock()

    def read(self, key: str) -> tuple[Row, int] | None:
        with self._lock:
            return self._rows.get(key)

    def write(self, key: str, row: Row, *, revision: int) -> bool:
        with self._lock:
            if self._rows.get(key, ({}, 0))[1] != revision:
                return False
            self._rows[key] = (row, revision + 1)
            return True

    def rows(self) -> list[Row]:
        with self._lock:
            return [row for row, _ in self._rows.values()]


PARTITION = "SANDBOX"


class DynamoLedger:
    """The sandbox's ledger in a DynamoDB table with keys `pk` and `sk`, by calls of the core's."""

    def __init__(self, table: str, call: Call) -> None:
        self._table = table
        self._call = call

    def read(self, key: str) -> tuple[Row, int] | None:
        asked = {"TableName": self._table, "Key": _key(key), "ConsistentRead": True}
        item = self._call("GetItem", asked).get("Item")
        return None if item is None else (json.loads(item["row"]["S"]), int(item["revision"]["N"]))

    def write(self, key: str, row: Row, *, revision: int) -> bool:
        is_as_read: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if revision:
            is_as_read = {
                "ConditionExpression": "revision = :read",
                "ExpressionAttributeValues": {":read": {"N": str(revision)}},
            }
        kept = {"row": {"S": json.dumps(row)}, "revision": {"N": str(revision + 1)}}
        try:
            self._call(
                "PutItem", {"TableName": self._table, "Item": {**_key(key), **kept}, **is_as_read}
            )
        except Conflict:
            return False
        return True

    def rows(self) -> list[Row]:
        asked: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :sandbox",
            "ExpressionAttributeValues": {":sandbox": {"S": PARTITION}},
            "ConsistentRead": True,
        }
        found: list[Row] = []
        while True:
            page = self._call("Query", asked)
            found += [json.loads(item["row"]["S"]) for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                return found
            asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _key(key: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": PARTITION}, "sk": {"S": key}}
