"""The sandbox gateway's own ledger, apart from ours: on DynamoDB, or in memory (W-3).

Rows are JSON objects with a revision; a write states the revision it was read at. They are in the
ephemeral table without an expiry: that table is not restored with ours, as a gateway would not be.
"""

from __future__ import annotations

import json
from threading import Lock
from typing import Any, Protocol

Row = dict[str, Any]


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
    """The sandbox's ledger in a DynamoDB table with keys `pk` and `sk`."""

    def __init__(self, table: str) -> None:
        from pynamodb.attributes import NumberAttribute, UnicodeAttribute
        from pynamodb.models import Model

        class SandboxRow(Model):
            class Meta:
                table_name = table
                connect_timeout_seconds = 1
                read_timeout_seconds = 3

            pk = UnicodeAttribute(hash_key=True)
            sk = UnicodeAttribute(range_key=True)
            row = UnicodeAttribute()
            revision = NumberAttribute()

        self._model = SandboxRow

    def read(self, key: str) -> tuple[Row, int] | None:
        try:
            item = self._model.get(PARTITION, key, consistent_read=True)
        except self._model.DoesNotExist:
            return None
        return json.loads(item.row), int(item.revision)

    def write(self, key: str, row: Row, *, revision: int) -> bool:
        from pynamodb.exceptions import PutError

        condition = (
            self._model.pk.does_not_exist() if revision == 0 else self._model.revision == revision
        )
        item = self._model(PARTITION, key, row=json.dumps(row), revision=revision + 1)
        try:
            item.save(condition=condition, add_version_condition=False)
        except PutError as error:
            if error.cause_response_code == "ConditionalCheckFailedException":
                return False
            raise
        return True

    def rows(self) -> list[Row]:
        return [json.loads(item.row) for item in self._model.query(PARTITION, consistent_read=True)]
