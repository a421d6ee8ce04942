"""Errors as HTTP: one table from the error family to a status, one shape of answer."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from billing.kernel.errors import (
    BillingError,
    Conflict,
    Forged,
    Invalid,
    NotFound,
    Refused,
    TooMany,
    Unavailable,
    Uncertain,
    Unfinished,
)

RETRY_AFTER_SECONDS: dict[type[BillingError], int] = {TooMany: 15 * 60, Unavailable: 5}
"""Seconds to wait after an error; after too many requests the window must pass, as its words
say."""


OUTAGES: dict[type[BillingError], str] = {
    Uncertain: "It is not known whether this was done. Look at what stands before you ask again.",
    Unfinished: "Part of this is done. The same request does the rest, and nothing twice.",
    Unavailable: "A part of the service does not answer, and nothing was done. Try again shortly.",
}
"""Messages for each kind of outage, the special ones first."""


class Malformed(BillingError):
    """A body with bytes that are not what their content type says."""

    code = "malformed"


class Unauthenticated(BillingError):
    """A missing credential, or one that is not known (any more)."""

    code = "unauthenticated"


class Forbidden(BillingError):
    """A known credential that may not do this."""

    code = "forbidden"


class PaymentDeclined(BillingError):
    """A refusal by the gateway; `code` is its decline code (C-4)."""

    code = "card_declined"


class MethodNotAllowed(BillingError):
    """A path that exists, but not with this method."""

    code = "method_not_allowed"

    def __init__(self, allowed: Sequence[str]) -> None:
        super().__init__("This address does not take that method.")
        self.allowed = ", ".join(allowed)


class TooLarge(BillingError):
    """A body that exceeds the limit."""

    code = "too_large"


class UnsupportedType(BillingError):
    """A content type or encoding that this address does not read."""

    code = "unsupported_media_type"


class Misshapen(Invalid):
    """Several wrong fields at once; `field` is the first of them."""

    def __init__(self, errors: Sequence[tuple[str, str]]) -> None:
        field, message = errors[0]
        super().__init__(message, field=field)
        self.errors = tuple(errors)


def errors_of(error: Invalid) -> dict[str, str]:
    """Maps a form's fields to their errors; of several about one field, the first."""
    pairs = error.errors if isinstance(error, Misshapen) else [(error.field, error.message)]
    return dict(reversed(list(pairs)))


STATUS: dict[type[BaseException], HTTPStatus] = {
    Malformed: HTTPStatus.BAD_REQUEST,
    Forged: HTTPStatus.BAD_REQUEST,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    PaymentDeclined: HTTPStatus.PAYMENT_REQUIRED,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    MethodNotAllowed: HTTPStatus.METHOD_NOT_ALLOWED,
    Conflict: HTTPStatus.CONFLICT,
    Refused: HTTPStatus.CONFLICT,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnsupportedType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    TooMany: HTTPStatus.TOO_MANY_REQUESTS,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    BillingError: HTTPStatus.INTERNAL_SERVER_ERROR,
}


def status_of(error: Exception) -> HTTPStatus:
    """Returns the status of the nearest ancestor in the table; other errors are our own bugs."""
    for cls in type(error).__mro__:
        if cls in STATUS:
            return STATUS[cls]
    return HTTPStatus.INTERNAL_SERVER_ERROR


def message_of(error: Exception) -> str:
    """Returns the message that a stranger may see: an error of our own is never quoted."""
    if isinstance(error, BillingError) and status_of(error) < HTTPStatus.INTERNAL_SERVER_ERROR:
        return error.message
    for kind, words in OUTAGES.items():
        if isinstance(error, kind):
            return words
    return "Something went wrong on our side."


def problem(error: Exception, request_id: str) -> dict[str, Any]:
    """Builds the body of application/problem+json (RFC 9457), with a `code` that stays as it is."""
    status = status_of(error)
    code = error.code if isinstance(error, BillingError) else BillingError.code
    body: dict[str, Any] = {
        "type": f"urn:perennial:problem:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": int(status),
        "detail": message_of(error),
        "code": code,
    }
    if isinstance(error, Invalid):
        body["field"] = error.field
        errors = error.errors if isinstance(error, Misshapen) else ((error.field, error.message),)
        body["errors"] = [{"field": field, "message": message} for field, message in errors]
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        body["request_id"] = request_id
    return body


def headers_of(error: Exception) -> dict[str, str]:
    """Returns the headers that a status asks for."""
    if isinstance(error, Unauthenticated):
        return {"WWW-Authenticate": 'Bearer realm="Perennial"'}
    if isinstance(error, MethodNotAllowed):
        return {"Allow": error.allowed}
    if isinstance(error, Uncertain):
        return {}  # not to be retried automatically
    for kind, seconds in RETRY_AFTER_SECONDS.items():
        if isinstance(error, kind):
            return {"Retry-After": str(seconds)}
    return {}
