"""Restores the core table as of an earlier minute, as a new table, and checks it.

It changes nothing that is in use. docs/runbooks/restore.md says how to switch over.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3

from billing.kernel.values import Value
from billing.operations import at_rest
from billing.storage.dynamo.tables import every_entity
from perennial.installation import OperateError

WAIT_SECONDS = 4 * 3600
LOOK_EVERY_SECONDS = 20


class RestoreError(OperateError):
    """A restore that cannot be done; the message says why."""


class Restored(Value):
    """A restored table and the violations found in it."""

    table: str
    stream: str
    items: int
    wrong: list[Any]


def drill(
    table: str,
    moment: datetime | None,
    *,
    every_seconds: float,
    progress: Callable[[str], None] = lambda _: None,
) -> Restored:
    """Restores `table` as it was at `moment` (the latest that can be had, where None)."""
    dynamodb = boto3.client("dynamodb")
    restored = f"{table.partition('-restored-')[0]}-restored-{datetime.now(UTC):%Y%m%d%H%M%S}"
    when: Any = {"UseLatestRestorableTime": True} if moment is None else {"RestoreDateTime": moment}
    try:
        dynamodb.restore_table_to_point_in_time(
            SourceTableName=table, TargetTableName=restored, **when
        )
    except dynamodb.exceptions.ClientError as error:
        raise RestoreError(error.response["Error"]["Message"]) from error
    progress(f"Restoring {restored}. This can take from minutes to hours")
    _wait_until_active(dynamodb, restored, every_seconds, progress)
    progress("Turning on expiry, the stream, point-in-time recovery and deletion protection")
    _give_back(dynamodb, restored)
    _wait_until_active(dynamodb, restored, every_seconds, progress)
    progress("Checking the restored table")
    stream = dynamodb.describe_table(TableName=restored)["Table"]["LatestStreamArn"]
    entities = list(every_entity(restored))
    return Restored(restored, stream, len(entities), at_rest.check(entities))


def _give_back(dynamodb: Any, table: str) -> None:
    """Turns on what a restore leaves off, as template.yaml has it."""
    # First, while nothing else of the table is being changed: DynamoDB refuses it then.
    dynamodb.update_time_to_live(
        TableName=table,
        TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"},
    )
    dynamodb.update_table(
        TableName=table,
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        DeletionProtectionEnabled=True,
    )
    dynamodb.update_continuous_backups(
        TableName=table,
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
    )


def _wait_until_active(
    dynamodb: Any, table: str, every_seconds: float, progress: Callable[[str], None]
) -> None:
    start = time.monotonic()
    while dynamodb.describe_table(TableName=table)["Table"]["TableStatus"] != "ACTIVE":
        waited = time.monotonic() - start
        if waited > WAIT_SECONDS:
            raise RestoreError(f"{table} isn't active after {WAIT_SECONDS // 3600} hours")
        progress(f"Waiting for {table}: {waited:.0f} s")
        time.sleep(every_seconds)
