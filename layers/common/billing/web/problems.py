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
)
from billing.kernel.money import Money
from billing.render.errors import error_text
from billing.render.messages import ENGLISH

RETRY_AFTER_SECONDS: dict[type[BillingError], int] = {TooMany: 15 * 60, Unavailable: 5}
"""Seconds to wait after an error; after too many requests the window must pass, as its words
say."""


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
        self.allowed = ", ".join(allowed)
        super().__init__(allowed=self.allowed)


class TooLarge(BillingError):
    """A body that exceeds the limit."""

    code = "too_large"


class UnsupportedType(BillingError):
    """A content type or encoding that this address does not read."""

    code = "unsupported_media_type"


class Misshapen(Invalid):
    """Several wrong fields at once; reason and field are those of the first."""

    def __init__(self, errors: Sequence[Invalid]) -> None:
        first = errors[0]
        super().__init__(first.reason, field=first.field, **first.parameters)
        self.errors = tuple(errors)


def errors_of(error: Invalid) -> dict[str, Invalid]:
    """Maps a form's fields to their errors, in the order of the form; of several about one field,
    the first."""
    found: dict[str, Invalid] = {}
    for each in _each(error):
        found.setdefault(each.field, each)
    return found


def address_errors(error: Invalid) -> dict[str, Invalid]:
    """Maps a form's fields to their errors, where the form has the fields of an address flat."""
    return {name.removeprefix("address."): each for name, each in errors_of(error).items()}


def _each(error: Invalid) -> tuple[Invalid, ...]:
    return error.errors if isinstance(error, Misshapen) else (error,)


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


def problem(error: Exception, request_id: str) -> dict[str, Any]:
    """Builds the body of application/problem+json (RFC 9457), with a `code` that stays as it is.

    Its words are in English; an error of our own is never quoted.
    """
    status = status_of(error)
    known = error if isinstance(error, BillingError) else BillingError()
    code = known.code
    body: dict[str, Any] = {
        "type": f"urn:perennial:problem:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": int(status),
        "detail": error_text(known, ENGLISH),
        "code": code,
        **_why(known),
    }
    if isinstance(error, Invalid):
        body["field"] = error.field
        body["errors"] = [
            {"field": each.field, "message": error_text(each, ENGLISH), **_why(each)}
            for each in _each(error)
        ]
    return {**body, "request_id": request_id}


def _why(error: BillingError) -> dict[str, Any]:
    """Returns what a program needs to word the error itself."""
    parameters = {name: _plain(value) for name, value in error.parameters.items()}
    return {"reason": error.reason} | ({"parameters": parameters} if parameters else {})


def _plain(value: int | str | Money) -> int | str | dict[str, int | str]:
    if isinstance(value, Money):
        return {"amount": value.amount_minor, "currency": value.currency.value}
    return value


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
