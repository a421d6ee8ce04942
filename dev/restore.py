"""The restore drill: the core table at an earlier minute, as a new table, checked, ready to use.

    python -m dev.restore stack=perennial at=2026-01-31T14:59:00Z

It changes nothing that is in use. The last line says what switches over (docs/runbooks/restore.md).
"""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3

from billing.adapters.dynamo_writes import entity_of
from dev.operate import outputs
from sim import at_rest

WAIT_SECONDS = 4 * 3600
LOOK_EVERY_SECONDS = 20


class RestoreError(Exception):
    """It cannot be restored; the message says why."""


@dataclass(frozen=True)
class Restored:
    """A table that was restored, and what is wrong with it."""

    table: str
    stream: str
    items: int
    wrong: list[Any]


def main(arguments: list[str]) -> int:
    asked = {name: value for name, _, value in (word.partition("=") for word in arguments)}
    try:
        table = _table_of(asked["stack"])
        moment = datetime.fromisoformat(asked["at"]) if asked.get("at") else None
        done = drill(table, moment, every_seconds=LOOK_EVERY_SECONDS)
    except RestoreError as error:
        print(f"make restore-drill: {error}", file=sys.stderr)
        return 1
    for violation in done.wrong:
        print(f"  {violation}")
    print(f"{done.table}: {done.items} items, {len(done.wrong) or 'nothing'} wrong")
    print(f"To switch over, deploy with RestoredStream={done.stream}")
    return 1 if done.wrong else 0


def drill(table: str, moment: datetime | None, *, every_seconds: float) -> Restored:
    """Restore `table` as it was at `moment` (the latest that can be had, where None)."""
    dynamodb = boto3.client("dynamodb")
    restored = f"{table.partition('-restored-')[0]}-restored-{datetime.now(UTC):%Y%m%d%H%M%S}"
    when: Any = {"UseLatestRestorableTime": True} if moment is None else {"RestoreDateTime": moment}
    try:
        dynamodb.restore_table_to_point_in_time(
            SourceTableName=table, TargetTableName=restored, **when
        )
    except dynamodb.exceptions.ClientError as error:
        raise RestoreError(error.response["Error"]["Message"]) from error
    _wait_until_active(dynamodb, restored, every_seconds)
    _give_back(dynamodb, restored)
    _wait_until_active(dynamodb, restored, every_seconds)
    stream = dynamodb.describe_table(TableName=restored)["Table"]["LatestStreamArn"]
    entities = list(_entities(dynamodb, restored))
    return Restored(restored, stream, len(entities), at_rest.check(entities))


def _give_back(dynamodb: Any, table: str) -> None:
    """What a restore leaves off, as template.yaml has it."""
    dynamodb.update_table(
        TableName=table,
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        DeletionProtectionEnabled=True,
    )
    dynamodb.update_continuous_backups(
        TableName=table,
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
    )


def _wait_until_active(dynamodb: Any, table: str, every_seconds: float) -> None:
    give_up = time.monotonic() + WAIT_SECONDS
    while dynamodb.describe_table(TableName=table)["Table"]["TableStatus"] != "ACTIVE":
        if time.monotonic() > give_up:
            raise RestoreError(f"{table} is not there after {WAIT_SECONDS // 3600} hours")
        time.sleep(every_seconds)


def _entities(dynamodb: Any, table: str) -> Iterator[Any]:
    """Everything in the table: the one scan there is, of a table that nobody uses yet."""
    for page in dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        for item in page["Items"]:
            if (entity := entity_of(item)) is not None:
                yield entity


def _table_of(stack: str) -> str:
    if not stack:
        raise RestoreError("name the deployed stack: STACK=perennial")
    return outputs(stack)["CoreTable"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
