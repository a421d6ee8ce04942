"""Answers in the OpenAPI document: errors and their headers, which many operations share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from billing.api.web import openapi_codes
from billing.kernel.errors import (
    BillingError,
    Conflict,
    Invalid,
    NotFound,
    TooMany,
    Unavailable,
)
from billing.web import problems
from billing.web.http import JSON, PROBLEM, REQUEST_ID
from billing.web.problems import (
    Forbidden,
    Malformed,
    PaymentDeclined,
    TooLarge,
    Unauthenticated,
    UnsupportedType,
)
from billing.web.request import MAX_BODY_BYTES

REFERENCE = "#/components/schemas/{model}"
RESPONSE = "#/components/responses/{name}"
HEADER = "#/components/headers/{name}"
CODES = "x-codes"
"""The extension that lists an answer's codes for programs."""

ERRORS = {
    "400": "The request cannot be read.",
    "401": "No API key, or one that is not known.",
    "403": "The API key may not do this.",
    "404": "Unknown, or not yours.",
    "409": "The state or a policy forbids it; `code` says which.",
    "413": "The body is over 64 KB, a CSV file over 1 MB, one to import over 4 MB.",
    "415": "The body is not application/json, or text/csv where a file is sent.",
    "422": "Malformed or out of bounds; `field` says which, `errors` lists all.",
    "429": "Too many requests.",
    "500": "An error of ours; `request_id` finds it in the log.",
    "503": "A part of the service does not answer. `unavailable`, `gateway_unavailable` and "
    "`gateway_busy` say that nothing was done: try again later. `unfinished`: the same request "
    "does the rest. `outcome_unknown`: look at what stands before asking again; a refund or a "
    "ticket with an Idempotency-Key is the same one.",
}
"""Errors that every operation may answer, by status."""

NAMES = {
    "400": "Unreadable",
    "401": "Unauthenticated",
    "403": "Forbidden",
    "404": "NotFound",
    "409": "Refused",
    "413": "TooLarge",
    "415": "UnsupportedType",
    "422": "Invalid",
    "429": "TooMany",
    "500": "InternalError",
    "503": "Unavailable",
}
"""Names of the shared answers, by status."""

EXAMPLES: dict[str, BillingError] = {
    "400": Malformed("malformed_json", code="malformed_json"),
    "401": Unauthenticated("key_not_valid"),
    "402": PaymentDeclined("declined", code="insufficient_funds"),
    "403": Forbidden(code="scope_missing", scope="write"),
    "404": NotFound(),
    "409": Conflict(),
    "413": TooLarge(most=MAX_BODY_BYTES),
    "415": UnsupportedType("content_type", accepted=JSON),
    "422": Invalid("too_long", field="name", count=200),
    "429": TooMany(),
    "500": BillingError(),
    "503": Unavailable(),
}
"""An example of each status."""

WAITS = frozenset({"429", "503"})
"""Statuses that say in a header when to ask again."""

HEADERS: dict[str, Any] = {
    REQUEST_ID: {
        "description": "The id of this request; name it when you ask about it.",
        "schema": {"type": "string"},
        "example": "JKJaXmPLvHcESHA=",
    },
    "Retry-After": {
        "description": "Seconds to wait before asking again. Missing after `outcome_unknown`.",
        "schema": {"type": "integer", "minimum": 1},
        "example": 5,
    },
    "Idempotent-Replayed": {
        "description": "Says that the answer is the one that this Idempotency-Key got before.",
        "schema": {"type": "string", "enum": ["true"], "title": "IdempotentReplayed"},
        "example": "true",
    },
    "WWW-Authenticate": {
        "description": "The scheme by which to authenticate.",
        "schema": {"type": "string"},
        "example": 'Bearer realm="Perennial"',
    },
}

WHY = {
    "reason": {"type": "string", "description": "The rule behind the code; stable too."},
    "parameters": {"type": "object", "description": "Values that the message fills in."},
}

PROBLEM_SCHEMA = {
    "type": "object",
    "description": "An error (RFC 9457). Branch on `code`; `detail` is for people, in English.",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "Stable; made for programs."},
        **WHY,
        "field": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {
                    "field": {"type": "string"},
                    "message": {"type": "string"},
                    **WHY,
                },
            },
        },
        "request_id": {
            "type": "string",
            "description": "The id of the request; name it when you ask about the error.",
        },
    },
}


def shared() -> dict[str, Any]:
    """Returns the answers that operations refer to, by name."""
    return {NAMES[status]: _error(status, words) for status, words in ERRORS.items()}


def of_operation(operation: str, status: str, words: str | None) -> dict[str, Any]:
    """Returns an operation's answer of a status: its own, where it has words or codes of its own,
    or a reference to the shared one."""
    codes = openapi_codes.of(operation, status)
    if words is None and not codes:
        return {"$ref": RESPONSE.format(name=NAMES[status])}
    return _error(status, words or ERRORS[status], codes)


def _error(status: str, words: str, own: Sequence[str] = ()) -> dict[str, Any]:
    """Returns an answer that is a problem, with the codes that it may have.

    They are listed and not an `enum`, because there may be more of them at any time.
    """
    example = problems.problem(EXAMPLES[status], HEADERS[REQUEST_ID]["example"])
    schema = {"$ref": REFERENCE.format(model="Problem")}
    named = (REQUEST_ID, *(("Retry-After",) if status in WAITS else ()))
    if status == "401":
        named = (*named, "WWW-Authenticate")
    codes = [*own, *openapi_codes.of_all(status)]
    listed = ", ".join(f"`{code}`" for code in codes)
    return {
        "description": f"{words} Codes: {listed}." if codes else words,
        "headers": headers(*named),
        "content": {PROBLEM: {"schema": schema, "example": example}},
        **({CODES: codes} if codes else {}),
    }


def headers(*names: str) -> dict[str, Any]:
    """Returns references to headers by their names."""
    return {name: {"$ref": HEADER.format(name=name)} for name in names}
