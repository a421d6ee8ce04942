"""Reads the audit trail of a merchant's day with the operator's own credentials.

Our functions can only write it. The merchant `*` stands for changes that concerned all of them.
"""

from collections.abc import Iterator
from datetime import date

from billing.storage.addresses import STAMP_LENGTH
from billing.storage.audit_rows import partition
from billing.storage.dynamo.tables import audit_rows


def lines(table: str, merchant: str, day: date, **world: str | None) -> Iterator[str]:
    """Yields each record of a day, the oldest first: instant, who, what, from where, request."""
    for row in audit_rows(table, partition(merchant, day.isoformat()), **world):
        at, request = row.sk[:STAMP_LENGTH], row.sk[STAMP_LENGTH + 1 :]
        yield f"{at}  {row.actor:<24}  {row.action}  {row.ip or '-'}  {request}"
