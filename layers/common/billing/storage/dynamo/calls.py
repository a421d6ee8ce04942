"""Calls to DynamoDB through PynamoDB's connection, and what their failures mean.

Every operation takes this one way: time-outs that fit in a function's life, retries of what may be
retried, and the one place where a failed condition becomes `Conflict`.
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

Request = dict[str, Any]
Answer = dict[str, Any]

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
    """A condition did not hold.

    `places` are those of the writes in the transaction whose conditions those were; `old` is the
    item that stands where a single write was to go, if any.
    """

    def __init__(self, places: tuple[int, ...] = (), old: dict[str, Any] | None = None) -> None:
        super().__init__("What was read has changed meanwhile.")
        self.places = places
        self.old = old


class Contested(Unavailable):
    """Nothing was written, because others kept writing what stands at these `places`."""

    def __init__(self, places: tuple[int, ...]) -> None:
        super().__init__("Others keep writing the same.")
        self.places = places


class Calls:
    """One client for all tables; `entropy` is `os.urandom`, or what can be made to repeat."""

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
        """The answer; raises `ConditionFailed`, `Unavailable`, or as it came what is a bug."""
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
        """Seconds to wait before each attempt: none at first, then ever longer, by chance."""
        yield 0.0
        for n in range(ATTEMPTS - 1):
            longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**n)
            yield longest * self._entropy(1)[0] / 256

    def pause(self, seconds: float) -> None:
        if seconds:
            self._sleep(seconds)

    def new_op(self) -> str:
        """An operation's id: its own write is recognised by it, and DynamoDB runs it once."""
        return urlsafe_b64encode(self._entropy(16)).rstrip(b"=").decode()


def connect(
    entropy: Callable[[int], bytes], *, region: str | None = None, endpoint: str | None = None
) -> Calls:
    """Calls to the region and endpoint named, or else to those that botocore finds."""
    connection = Connection(
        region=region,
        host=endpoint,
        connect_timeout_seconds=CONNECT_SECONDS,
        read_timeout_seconds=READ_SECONDS,
        retry_configuration={"mode": "standard", "total_max_attempts": 3},
        max_pool_connections=POOL,
    )
    return Calls(connection, entropy)


def _passes(error: Exception) -> bool:
    if not isinstance(error, VerboseClientError):
        return False
    if _code(error) == "TransactionCanceledException":
        codes = {reason.code for reason in error.cancellation_reasons if reason is not None}
        return bool(codes) and codes <= _PASSING_REASONS
    return _code(error) in _PASSING


def _meaning(error: Exception) -> Exception:
    """What a failure that will not pass means."""
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
    """The places in a cancelled transaction that were refused for this reason."""
    if not isinstance(error, VerboseClientError):
        return ()
    reasons = enumerate(error.cancellation_reasons)
    return tuple(place for place, each in reasons if each is not None and each.code == reason)


def _response(error: VerboseClientError) -> dict[str, Any]:
    """The whole answer: PynamoDB's error leaves out what botocore's, its cause, still has."""
    cause = error.__cause__
    return dict(cause.response) if isinstance(cause, ClientError) else {}


def _code(error: VerboseClientError) -> str:
    return str(error.response["Error"].get("Code"))
