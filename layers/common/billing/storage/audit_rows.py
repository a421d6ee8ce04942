"""The Audit port: rows that are written and read, and never changed or removed here.

One partition is a day of a merchant; `perennial audit` reads one, with the operator's credentials.
A merchant reads theirs by the index `trail`, which has all days in one partition.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from billing.storage.addresses import STAMP_LENGTH, Place, stamp
from billing.storage.dynamo.calls import Calls, ConditionFailed
from billing.storage.dynamo.failures import Item

TRAIL = "trail"
"""The index of all records of a merchant, newest first."""

if TYPE_CHECKING:
    from billing.kernel.audit import AuditRecord


def partition(merchant: str, day: str) -> str:
    """Returns the partition of a merchant's day, given as `YYYY-MM-DD` in UTC."""
    return f"M#{merchant}#{day}"


def place(record: AuditRecord) -> Place:
    """Returns the primary key of a record."""
    at = stamp(record.at)
    return Place(partition(record.merchant, at[:10]), f"{at}#{record.request}")


def trail(merchant: str) -> str:
    """Returns the partition of the index that has all records of a merchant."""
    return f"M#{merchant}"


class MemoryAudit:
    """Records in a list, for tests, the simulator and benchmarks."""

    def __init__(self) -> None:
        self.records: list[AuditRecord] = []

    def put(self, record: AuditRecord) -> None:
        self.records.append(record)

    def page(
        self,
        merchant: str,
        *,
        since: datetime,
        until: datetime,
        limit: int,
        before: str | None = None,
    ) -> tuple[list[AuditRecord], str | None]:
        low, high = stamp(since), before or stamp(until)
        rows = {place(each).sk: each for each in self.records if each.merchant == merchant}
        found = sorted((sk for sk in rows if low <= sk < high), reverse=True)
        shown = found[:limit]
        return [rows[sk] for sk in shown], shown[-1] if len(shown) < len(found) else None


class DynamoAudit:
    """A DynamoDB table that its functions may only write to."""

    def __init__(self, table: str, calls: Calls) -> None:
        self._table = table
        self._call = calls

    def put(self, record: AuditRecord) -> None:
        key = place(record)
        by = record.by
        details = {
            "actor": record.actor,
            "action": record.action,
            "ip": record.ip,
            "trail": trail(record.merchant),
            "member": by.member,
            "email": by.email,
            "role": by.role,
            "key": by.key,
        }
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

    def page(
        self,
        merchant: str,
        *,
        since: datetime,
        until: datetime,
        limit: int,
        before: str | None = None,
    ) -> tuple[list[AuditRecord], str | None]:
        """Query index trail M#<merchant>, newest first."""
        answer = self._call(
            "Query",
            {
                "TableName": self._table,
                "IndexName": TRAIL,
                "KeyConditionExpression": "trail = :trail AND sk BETWEEN :low AND :high",
                "ExpressionAttributeValues": {
                    ":trail": {"S": trail(merchant)},
                    ":low": {"S": stamp(since)},
                    ":high": {"S": before or stamp(until)},
                },
                "ScanIndexForward": False,
                # One more says whether there is more; BETWEEN includes its end, which is the last
                # one of the page before.
                "Limit": limit + 1 + (before is not None),
            },
        )
        rows = [row for row in answer["Items"] if row["sk"]["S"] != before]
        more = len(rows) > limit or "LastEvaluatedKey" in answer
        shown = rows[:limit]
        return [_record(merchant, row) for row in shown], (
            shown[-1]["sk"]["S"] if more and shown else None
        )


def _record(merchant: str, row: Item) -> AuditRecord:
    """Returns the record of a row; the place of its instant is the beginning of its sort key."""
    from billing.kernel.audit import AuditRecord, By

    held = {name: value["S"] for name, value in row.items()}
    at = datetime.strptime(held["sk"][:STAMP_LENGTH], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    request = held["sk"][STAMP_LENGTH + 1 :]
    by = By(held.get("member"), held.get("email"), held.get("role"), held.get("key"))
    return AuditRecord(merchant, at, held["actor"], held["action"], request, held.get("ip"), by)
