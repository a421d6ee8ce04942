"""Failures of a call to DynamoDB, the same for both clients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

Request = dict[str, Any]
Answer = dict[str, Any]
Item = dict[str, Any]
"""An item in the form of DynamoDB's API: attribute values by name."""


class Client(Protocol):
    """Makes one call of DynamoDB, and repeats it where no answer comes or the server fails."""

    def send(self, operation: str, request: Request) -> Answer:
        """Returns the answer; raises `Failed` or `Unanswered`."""
        ...


class Failed(Exception):
    """An error that DynamoDB answered.

    `item` is the item that exists where a single write was to go, if it was asked for; `reasons`
    are the codes of a cancelled transaction, one for each of its writes.
    """

    def __init__(
        self,
        operation: str,
        code: str,
        message: str = "",
        *,
        status: int = 400,
        item: Item | None = None,
        reasons: Sequence[str] = (),
    ) -> None:
        super().__init__(f"{operation}: {code} ({status}): {message}")
        self.code = code
        self.status = status
        self.item = item
        self.reasons = tuple(reasons)


class Unanswered(Exception):
    """No answer, or an unreadable one: the call may have been carried out, or not."""
