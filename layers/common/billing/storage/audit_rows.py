"""The Audit port: rows that are written and never read, changed or removed here.

One partition is a day of a merchant; `perennial audit` reads one, with the operator's credentials.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.storage.addresses import Place, stamp
from billing.storage.dynamo.calls import Calls, ConditionFailed

if TYPE_CHECKING:
    from billing.kernel.audit import AuditRecord


def partition(merchant: str, day: str) -> str:
    """Returns the partition of a merchant's day, given as `YYYY-MM-DD` in UTC."""
    return f"M#{merchant}#{day}"


def place(record: AuditRecord) -> Place:
    """Returns the primary key of a record."""
    at = stamp(record.at)
    return Place(partition(record.merchant, at[:10]), f"{at}#{record.request}")


class MemoryAudit:
    """Records in a list, for tests, the simulator and benchmarks."""

    def __init__(self) -> None:
        self.records: list[AuditRecord] = []

    def put(self, record: AuditRecord) -> None:
        self.records.append(record)


class DynamoAudit:
    """A DynamoDB table that its functions may only write to."""

    def __init__(self, table: str, calls: Calls) -> None:
        self._table = table
        self._call = calls

    def put(self, record: AuditRecord) -> None:
        key = place(record)
        details = {"actor": record.actor, "action": record.action, "ip": record.ip}
        request = {
            "TableName": self._table,
            "Item": {
                "pk": {"S": key.pk},
                "sk": {"S": key.sk},
                **{name: {"S": value} for name, value in details.items() if value},
            },
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        try:
            self._call("PutItem", request)
        except ConditionFailed:
            return  # This same record is stored: the reply was lost, and the SDK sent it again.
