"""Calls DynamoDB through one of two clients, and interprets failures.

Every operation goes through it: retries of passing errors, and the one place where a failed
condition becomes `Conflict`.
"""

from __future__ import annotations

import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from typing import Any

from billing.kernel.errors import Conflict, Unavailable
from billing.kernel.writes import Entity
from billing.storage.addresses import Key
from billing.storage.dynamo.failures import (
    Answer,
    Client,
    Failed,
    Item,
    Request,
    Unanswered,
)

ATTEMPTS = 7
FIRST_PAUSE_SECONDS = 0.025
LONGEST_PAUSE_SECONDS = 0.8

# No client tries a cancelled transaction again; botocore does for throttling, but only twice.
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
        client: Client,
        entropy: Callable[[int], bytes],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._entropy = entropy
        self._sleep = sleep

    def __call__(self, operation: str, request: Request) -> Answer:
        """Returns the response; raises `ConditionFailed`, `Unavailable`, or the original error if
        it is a bug."""
        last: Failed | None = None
        for pause in self.pauses():
            self.pause(pause)
            try:
                return self._client.send(operation, request)
            except Unanswered as silent:
                raise Unavailable("DynamoDB does not answer.") from silent
            except Failed as failed:
                if not _passes(failed):
                    meaning = _meaning(failed)
                    if meaning is None:
                        raise
                    raise meaning from failed
                last = failed
        contested = _places(last, "TransactionConflict") if last else ()
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
    """Connects by botocore to the named region and endpoint, or to those that botocore finds."""
    # Imported here, so that a function with the other client starts without botocore.
    from billing.storage.dynamo.botocore_client import BotocoreClient

    return Calls(BotocoreClient(region, endpoint), entropy, sleep)


def key_attributes(key: Key[Entity]) -> Item:
    return {"pk": {"S": key.pk}, "sk": {"S": key.sk}}


def _passes(failed: Failed) -> bool:
    if failed.code == "TransactionCanceledException":
        codes = {reason for reason in failed.reasons if reason != "None"}
        return bool(codes) and codes <= _PASSING_REASONS
    return failed.code in _PASSING


def _meaning(failed: Failed) -> Exception | None:
    """Returns the exception to raise for a failure that will not pass; None if it is a bug."""
    if failed.code == "ConditionalCheckFailedException":
        return ConditionFailed((0,), failed.item)
    if failed.code == "TransactionCanceledException":
        places = _places(failed, "ConditionalCheckFailed")
        return ConditionFailed(places) if places else None
    return Unavailable("DynamoDB is broken.") if failed.status >= _SERVER_ERROR else None


def _places(failed: Failed, reason: str) -> tuple[int, ...]:
    """Returns the positions in a cancelled transaction that were refused for this reason."""
    return tuple(place for place, code in enumerate(failed.reasons) if code == reason)
