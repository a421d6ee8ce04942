"""Errors of calls: one class per status, with the stable `code` of the problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class PerennialError(Exception):
    """A call that did not succeed, whatever the reason."""


class Unreachable(PerennialError):
    """No answer: the server is down, or the network is. After a write, look at what stands."""


class UnexpectedAnswer(PerennialError):
    """An answer that is not Perennial's: another program's page, or a proxy's.

    After a write that a proxy gave up (`status` 500 and above), look at what stands.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class ApiError(PerennialError):
    """A problem that the API answered. Branch on `code`, and where it has several, on `reason`."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.code = str(problem.get("code") or "unknown")
        self.detail = str(problem.get("detail") or problem.get("title") or "")
        self.reason: str | None = problem.get("reason")
        self.parameters: Mapping[str, Any] = problem.get("parameters") or {}
        self.field: str | None = problem.get("field")
        self.errors: Sequence[Mapping[str, Any]] = problem.get("errors") or ()
        self.request_id: str | None = problem.get("request_id")
        super().__init__(f"{self.code} ({status}): {self.detail}")


class Unauthenticated(ApiError):
    """The API key is missing, wrong, expired or revoked (401)."""


class Forbidden(ApiError):
    """The API key may not do this, or the account is inactive (403)."""


class NotFound(ApiError):
    """There is no such thing, or it is another merchant's (404)."""


class Conflict(ApiError):
    """The state or a policy forbids it (409)."""


class Invalid(ApiError):
    """A value is malformed or out of bounds; `field` says which (422)."""


class TooManyRequests(ApiError):
    """Too many requests; those that are repeated were refused too (429)."""


class ServerError(ApiError):
    """A part of the service does not answer (5xx). After a 500 from a write, look at what stands.

    With 503 nothing was done, unless it is a subclass that says so.
    """


class OutcomeUnknown(ServerError):
    """It may have been done (503): look at what stands before asking again."""


_BY_STATUS: Mapping[int, type[ApiError]] = {
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    422: Invalid,
    429: TooManyRequests,
}


def of(status: int, problem: Mapping[str, Any]) -> ApiError:
    """Returns the error of a problem that the API answered."""
    if problem.get("code") == "outcome_unknown":
        return OutcomeUnknown(status, problem)
    return _BY_STATUS.get(status, ServerError if status >= 500 else ApiError)(status, problem)
