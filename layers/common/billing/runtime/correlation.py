"""One id from a request or a sweep to the mail that follows from it.

It is passed on with everything: log lines, queue messages, outbox events, mails.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_CURRENT: ContextVar[str | None] = ContextVar("correlation", default=None)


def current() -> str | None:
    """Returns the id of the current request or sweep, None outside of any handler."""
    return _CURRENT.get()


@contextmanager
def under(correlation: str | None) -> Iterator[None]:
    """Runs a block under the given id; without one, under the present id."""
    token = _CURRENT.set(correlation or _CURRENT.get())
    try:
        yield
    finally:
        _CURRENT.reset(token)


def of_event(event: Any, request_id: str | None) -> str | None:
    """Returns the id of an event: API Gateway's request, a schedule's run, else Lambda's own."""
    if isinstance(event, Mapping):
        request = event.get("requestContext")
        if isinstance(request, Mapping) and isinstance(request.get("requestId"), str):
            return str(request["requestId"])
        if isinstance(event.get("id"), str):
            return str(event["id"])
    return request_id
