"""Connects to DynamoDB by the client that the deployment chose (DYNAMODB_CLIENT)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from billing.runtime import telemetry
from billing.storage.dynamo import calls
from billing.storage.dynamo.calls import Calls
from billing.storage.dynamo.failures import Client

BOTOCORE, DIRECT = "botocore", "direct"
FELL_BACK = "DynamoDBClientFellBack"


def connect(
    name: str,
    environ: Mapping[str, str],
    *,
    entropy: Callable[[int], bytes],
    clock: Callable[[], datetime],
) -> Calls:
    """Returns the calls of the named client; the direct one gives way to botocore where its first
    call shows that it must."""
    assert name in {BOTOCORE, DIRECT}, "DYNAMODB_CLIENT is botocore or direct"
    if name == BOTOCORE:
        return calls.connect(entropy)
    from billing.storage.dynamo.direct.client import open_client
    from billing.storage.dynamo.direct.fallback import WithFallback

    def direct() -> Client:
        return open_client(environ, clock=clock, entropy=entropy)

    return Calls(WithFallback(direct, _botocore, fell_back), entropy)


def _botocore() -> Client:
    from billing.storage.dynamo.botocore_client import BotocoreClient

    return BotocoreClient()


def fell_back(why: str) -> None:
    """Counts and logs that botocore makes the calls of this process, and why."""
    telemetry.count(FELL_BACK)
    telemetry.happened("the direct DynamoDB client gave way to botocore", why=why)
