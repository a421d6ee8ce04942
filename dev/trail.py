"""Who changed what of a merchant's on a day: the audit trail, read with your own credentials.

    python -m dev.trail stack=perennial merchant=acme on=2026-01-31

Our functions can only write it. `merchant=*` is what concerned all of them.
"""

import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

from billing.adapters.audit_rows import partition
from billing.adapters.keys import STAMP_LENGTH
from dev.operate import outputs


def main(arguments: list[str]) -> int:
    import boto3

    asked = dict(word.partition("=")[::2] for word in arguments)
    try:
        day = date.fromisoformat(asked.get("on") or datetime.now(UTC).date().isoformat())
    except ValueError:
        return _refused("ON is a day in UTC, such as 2026-01-31")
    stack, merchant = asked.get("stack"), asked.get("merchant")
    if not stack or not merchant:
        return _refused("name the deployed stack and a merchant: STACK=perennial MERCHANT=acme")
    table = outputs(stack)["AuditTable"]
    for line in lines(boto3.client("dynamodb"), table, merchant, day):
        print(line)
    return 0


def lines(dynamodb: Any, table: str, merchant: str, day: date) -> Iterator[str]:
    """Each record of a day, the oldest first: instant, who, what, from where, request."""
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


def _refused(why: str) -> int:
    print(f"make trail: {why}.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
