"""Calls DynamoDB by botocore, through PynamoDB's connection."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection
from pynamodb.connection import Connection

from billing.storage.dynamo.failures import Answer, Failed, Request, Unanswered

# PynamoDB's own time-outs (15 s, 30 s) are longer than a function lives.
CONNECT_SECONDS = 1
READ_SECONDS = 3
POOL = 50

ATTEMPTS = 3


class BotocoreClient:
    """The client for all that botocore knows: profiles, roles, proxies, other partitions."""

    def __init__(self, region: str | None = None, endpoint: str | None = None) -> None:
        self.connection = Connection(
            region=region,
            host=endpoint,
            connect_timeout_seconds=CONNECT_SECONDS,
            read_timeout_seconds=READ_SECONDS,
            retry_configuration={"mode": "standard", "total_max_attempts": ATTEMPTS},
            max_pool_connections=POOL,
        )

    def send(self, operation: str, request: Request) -> Answer:
        """Makes a call; errors that are not of a call, such as missing credentials, pass."""
        # PynamoDB asks for the consumed capacity of each call that does not forbid it.
        plain = {**request, "ReturnConsumedCapacity": "NONE"}
        for _ in range(ATTEMPTS):
            try:
                answer: Answer = self.connection.dispatch(operation, plain)
            except (HTTPClientError, NoConnection) as error:
                raise Unanswered(str(error)) from error
            except ClientError as error:
                raise _failed(operation, error) from error
            if _is_whole(answer):
                return answer
        raise Unanswered(f"{operation}: the answer broke off.")


def _is_whole(answer: Answer) -> bool:
    """Tests whether the headers arrived to their end.

    Where a connection is cut within them, botocore takes what is left for a success without a body:
    an item that is there would be read as none.
    """
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return True
    return "x-amz-crc32" in headers or str(headers.get("content-length", "")).isdigit()


def _failed(operation: str, error: ClientError) -> Failed:
    # PynamoDB's error leaves parts out that its cause, botocore's error, still has.
    cause = error.__cause__
    response: dict[str, Any] = dict((cause if isinstance(cause, ClientError) else error).response)
    found = response.get("Error", {})
    return Failed(
        operation,
        str(found.get("Code")),
        str(found.get("Message", "")),
        status=response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0),
        item=response.get("Item"),
        reasons=[reason["Code"] for reason in response.get("CancellationReasons", ())],
    )
