"""Calls DynamoDB through PynamoDB's connection, and interprets failures.

Every operation goes through it: time-outs shorter than a function's life, retries of passing
errors, and the one place where a failed condition becomes `Conflict`.
"""

from __future__ import annotations

import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection
from pynamodb.connection import Connection
from pynamodb.exceptions import VerboseClientError

from billing.kernel.errors import Conflict, Unavailable
from billing.kernel.writes import Entity
from billing.storage.addresses import Key

Request = dict[str, Any]
Answer = dict[str, Any]
Item = dict[str, Any]
"""An item in the form of DynamoDB's API: attribute values by name."""

# PynamoDB's own time-outs (15 s, 30 s) are longer than a function lives.
CONNECT_SECONDS = 1
READ_SECONDS = 3
POOL = 50

ATTEMPTS = 7
FIRST_PAUSE_SECONDS = 0.025
LONGEST_PAUSE_SECONDS = 0.8

# Neither botocore nor PynamoDB tries a cancelled transaction again; throttling is tried by botocore
# too, but only twice.
_PASSING_REASONS = frozenset(
    {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
)
_PASSING = frozenset(
    {
        "TransactionConflictException",
        "TransactionInProgressException",
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "RequestLimitExceeded",
    }
)
_SERVER_ERROR = 500


class ConditionFailed(Conflict):
    """A condition that did not hold.

    `places` are the positions in the transaction of the writes whose conditions failed; `old` is
    the item that exists where a single write was to go, if any.
    """

    def __init__(self, places: tuple[int, ...] = (), old: dict[str, Any] | None = None) -> None:
        super().__init__()
        self.places = places
        self.old = old


class Contested(Unavailable):
    """A transaction that failed because others kept writing the items at these `places`.

    Nothing was written.
    """

    def __init__(self, places: tuple[int, ...]) -> None:
        super().__init__("Others keep writing the same.")
        self.places = places


class Calls:
    """One client for all tables; `entropy` is `os.urandom`, or a repeatable replacement."""

    def __init__(
        self,
        connection: Connection,
        entropy: Callable[[int], bytes],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._connection = connection
        self._entropy = entropy
        self._sleep = sleep

    def __call__(self, operation: str, request: Request) -> Answer:
        """Returns the response; raises `ConditionFailed`, `Unavailable`, or the original error if
        it is a bug."""
        request = {**request, "ReturnConsumedCapacity": "NONE"}
        last: ClientError | BotoCoreError | None = None
        for pause in self.pauses():
            self.pause(pause)
            try:
                return self._connection.dispatch(operation, request)
            except (HTTPClientError, NoConnection) as unreachable:
                raise Unavailable("DynamoDB does not answer.") from unreachable
            except (ClientError, BotoCoreError) as error:
                if not _passes(error):
                    raise _meaning(error) from error
                last = error
        contested = _places(last, "TransactionConflict")
        raise (Contested(contested) if contested else Unavailable("DynamoDB is busy.")) from last

    def pauses(self) -> Iterator[float]:
        """Yields the seconds to wait before each attempt: none at first, then random and ever
        longer."""
        yield 0.0
        for n in range(ATTEMPTS - 1):
            longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**n)
            yield longest * self._entropy(1)[0] / 256

    def pause(self, seconds: float) -> None:
        if seconds:
            self._sleep(seconds)

    def new_op(self) -> str:
        """Returns a new operation id, which identifies our own write; DynamoDB runs an id only
        once."""
        return urlsafe_b64encode(self._entropy(16)).rstrip(b"=").decode()


def connect(
    entropy: Callable[[int], bytes],
    *,
    region: str | None = None,
    endpoint: str | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Calls:
    """Connects to the named region and endpoint, or to those that botocore finds."""
    connection = Connection(
        region=region,
        host=endpoint,
        connect_timeout_seconds=CONNECT_SECONDS,
        read_timeout_seconds=READ_SECONDS,
        retry_configuration={"mode": "standard", "total_max_attempts": 3},
        max_pool_connections=POOL,
    )
    return Calls(connection, entropy, sleep)


def key_attributes(key: Key[Entity]) -> Item:
    return {"pk": {"S": key.pk}, "sk": {"S": key.sk}}


def _passes(error: Exception) -> bool:
    if not isinstance(error, VerboseClientError):
        return False
    if _code(error) == "TransactionCanceledException":
        codes = {reason.code for reason in error.cancellation_reasons if reason is not None}
        return bool(codes) and codes <= _PASSING_REASONS
    return _code(error) in _PASSING


def _meaning(error: Exception) -> Exception:
    """Returns the exception to raise for a failure that will not pass."""
    if not isinstance(error, VerboseClientError):
        return error
    if _code(error) == "ConditionalCheckFailedException":
        return ConditionFailed((0,), _response(error).get("Item"))
    if _code(error) == "TransactionCanceledException":
        failed = _places(error, "ConditionalCheckFailed")
        return ConditionFailed(failed) if failed else error
    status = _response(error).get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return Unavailable("DynamoDB is broken.") if status >= _SERVER_ERROR else error


def _places(error: Exception | None, reason: str) -> tuple[int, ...]:
    """Returns the positions in a cancelled transaction that were refused for this reason."""
    if not isinstance(error, VerboseClientError):
        return ()
    reasons = enumerate(error.cancellation_reasons)
    return tuple(place for place, each in reasons if each is not None and each.code == reason)


def _response(error: VerboseClientError) -> dict[str, Any]:
    """Returns the whole response of a failed call.

    PynamoDB's error leaves parts out that its cause, botocore's error, still has.
    """
    cause = error.__cause__
    return dict(cause.response) if isinstance(cause, ClientError) else {}


def _code(error: VerboseClientError) -> str:
    return str(error.response["Error"].get("Code"))
