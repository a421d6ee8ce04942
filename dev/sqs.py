"""SQS's own limits on a batch of messages, for the tests' queue.

Source: SendMessageBatch. The size is the one before August 2025, a quarter of today's: what fits
there fits everywhere.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

MOST_ENTRIES = 10
MOST_BYTES = 256 * 2**10
"""The most bytes of a message, and of all messages of a batch together."""

LONGEST_DELAY_SECONDS = 900

_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
_GROUP = re.compile(r"[A-Za-z0-9!-/:-@\[-`{-~]{1,128}")
_NOT_ALLOWED = re.compile("[^\x09\x0a\x0d\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class InvalidBatch(ValueError):
    """A batch that SQS would not take: a bug of its sender."""


class Sqs:
    """A client that hands over the body of each message of a batch."""

    def __init__(self, take: Callable[[str], None]) -> None:
        self._take = take

    def send_message_batch(
        self,
        *,
        QueueUrl: str,  # noqa: N803 - the SDK's name
        Entries: Sequence[Mapping[str, Any]],  # noqa: N803
    ) -> dict[str, Any]:
        """Raises `InvalidBatch` for what SQS refuses as a whole, or by entry."""
        ids = [entry["Id"] for entry in Entries]
        if not 0 < len(ids) <= MOST_ENTRIES:
            raise InvalidBatch(f"{len(ids)} entries")
        if len(set(ids)) < len(ids) or not all(map(_ID.fullmatch, ids)):
            raise InvalidBatch(f"the ids {ids}")
        bodies = [str(entry["MessageBody"]) for entry in Entries]
        if sum(len(body.encode()) for body in bodies) > MOST_BYTES:
            raise InvalidBatch(f"more than {MOST_BYTES} bytes")
        if any(not body or _NOT_ALLOWED.search(body) for body in bodies):
            raise InvalidBatch("an empty body, or a character that XML has not")
        if any(entry.get("DelaySeconds", 0) > LONGEST_DELAY_SECONDS for entry in Entries):
            raise InvalidBatch(f"a delay of more than {LONGEST_DELAY_SECONDS} seconds")
        groups = [entry["MessageGroupId"] for entry in Entries if "MessageGroupId" in entry]
        if not all(map(_GROUP.fullmatch, groups)):
            raise InvalidBatch(f"the groups {groups}")
        for body in bodies:
            self._take(body)
        return {"Successful": [{"Id": name} for name in ids], "Failed": []}
