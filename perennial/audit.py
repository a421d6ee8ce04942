"""Reads the audit trail of a merchant's day with the operator's own credentials.

Our functions can only write it. The merchant `*` stands for changes that concerned all of them.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

from billing.storage.addresses import STAMP_LENGTH
from billing.storage.audit_rows import partition


def lines(dynamodb: Any, table: str, merchant: str, day: date) -> Iterator[str]:
    """Yields each record of a day, the oldest first: instant, who, what, from where, request."""
    pages = dynamodb.get_paginator("query").paginate(
        TableName=table,
        KeyConditionExpression="pk = :day",
        ExpressionAttributeValues={":day": {"S": partition(merchant, day.isoformat())}},
    )
    for page in pages:
        for item in page["Items"]:
            at, request = item["sk"]["S"][:STAMP_LENGTH], item["sk"]["S"][STAMP_LENGTH + 1 :]
            ip = item["ip"]["S"] if "ip" in item else "-"
            yield f"{at}  {item['actor']['S']:<24}  {item['action']['S']}  {ip}  {request}"
