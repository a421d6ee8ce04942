"""Queues of leases, from a sweep to its workers: of charges, many in one message (R-1), and of
background jobs."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from billing.kernel.due import DueKind
from billing.kernel.errors import Unavailable
from billing.kernel.storage import Due
from billing.runtime import correlation

LEASES_PER_MESSAGE = 25
MESSAGES_PER_CALL = 10


class SqsQueue:
    """The Queue port over one SQS queue."""

    def __init__(self, url: str, client: Any, *, per_message: int = LEASES_PER_MESSAGE) -> None:
        self._url = url
        self._client = client
        self._per_message = per_message

    def send(self, leases: Sequence[Due]) -> None:
        """Sends all leases; raises `Unavailable` if any was not taken (their due dates come
        again)."""
        remaining = iter(leases)
        bodies = iter(lambda: list(islice(remaining, self._per_message)), [])
        while batch := list(islice(bodies, MESSAGES_PER_CALL)):
            entries = {str(number): _entry(leases) for number, leases in enumerate(batch)}
            answer = self._client.send_message_batch(
                QueueUrl=self._url,
                Entries=[{"Id": name, **entry} for name, entry in entries.items()],
            )
            # An entry that the answer names neither as taken nor as refused was not taken.
            taken = {entry["Id"] for entry in answer.get("Successful", ())}
            if not_taken := entries.keys() - taken:
                raise Unavailable(f"{len(not_taken)} messages were not taken by the queue")

    def waiting(self) -> int:
        """Returns about how many leases are not worked off yet, whether or not a worker has
        received them.

        It assumes full messages, so the number is rather too high.
        """
        answer = self._client.get_queue_attributes(
            QueueUrl=self._url, AttributeNames=list(_NOT_DONE)
        )
        return self._per_message * sum(int(answer["Attributes"][name]) for name in _NOT_DONE)


_NOT_DONE = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")


def _entry(leases: Sequence[Due]) -> dict[str, str]:
    """Returns a message, with its merchant as its group if all of it is theirs.

    SQS hands out those of a group that many workers are busy with after the others.
    """
    entry = {"MessageBody": body_of(leases)}
    (merchant, *others) = dict.fromkeys(lease.owner[0] for lease in leases)
    return entry if others or not merchant else {**entry, "MessageGroupId": merchant}


def body_of(leases: Sequence[Due]) -> str:
    """Returns the body of a message: its leases as [kind, instant, owner parts]."""
    rows = [[lease.kind.value, lease.due_at.isoformat(), *lease.owner] for lease in leases]
    return json.dumps({"leases": rows, "correlation": correlation.current()})


def by_sweep(
    records: Sequence[Mapping[str, Any]],
) -> tuple[dict[str | None, dict[str, list[Due]]], dict[str, Exception]]:
    """Groups the leases of a worker's messages by the sweep that sent them, and by message id.

    The second result holds the errors of messages that cannot be read, by message id.
    """
    read: dict[str | None, dict[str, list[Due]]] = defaultdict(dict)
    unread: dict[str, Exception] = {}
    for record in records:
        name = record["messageId"]
        try:
            message = json.loads(record["body"])
            read[_correlation_of(message)][name] = _leases_of(message)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            unread[name] = error
    return read, unread


def leases_of(body: str) -> list[Due]:
    """Returns the leases of a message's body."""
    return _leases_of(json.loads(body))


def leases_in(event: Mapping[str, Any]) -> tuple[str | None, list[Due]]:
    """Returns the correlation id and the leases of a message that is an event by itself."""
    return _correlation_of(event), _leases_of(event)


def _leases_of(message: Any) -> list[Due]:
    return [
        Due(DueKind(kind), datetime.fromisoformat(due_at), tuple(owner))
        for kind, due_at, *owner in message["leases"]
    ]


def _correlation_of(message: Any) -> str | None:
    """Returns the correlation id of the sweep that sent the message."""
    found = message.get("correlation")
    return found if isinstance(found, str) else None
