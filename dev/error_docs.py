"""Writes docs/errors.md: every code and reason, with status, parameters and text, from the code.

    python -m dev.error_docs

A test holds the page to what this writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

from billing.kernel.charge_eligibility import Hold
from billing.kernel.errors import BillingError
from billing.render import messages
from billing.web.problems import STATUS
from dev.error_reasons import Raised, raised

PAGE = Path(__file__).resolve().parent.parent / "docs" / "errors.md"

INTRODUCTION = """\
# Errors

Every error of the API is `application/problem+json`:

```json
{
  "type": "urn:perennial:problem:invalid",
  "title": "Invalid",
  "status": 422,
  "detail": "Use no more than 200 characters.",
  "code": "invalid",
  "reason": "too_long",
  "parameters": {"count": 200},
  "field": "name",
  "errors": [
    {"field": "name", "message": "Use no more than 200 characters.",
     "reason": "too_long", "parameters": {"count": 200}}
  ],
  "request_id": "JKJaXmPLvHcESHA="
}
```

* Branch on `code`, and where one code has several rules behind it, on `reason`. Both are stable;
  `detail` and `message` are for people, in English, and may be worded better at any time.
* The OpenAPI document lists the codes that each operation may answer, by status, in words and as
  `x-codes`. There may be more of them later.
* `parameters` are the values that a text fills in, for programs that word errors themselves.
* `field` and `errors` come with 422: the path of each wrong value, as it was sent.
* `request_id` is the header `Request-Id` of the answer: name it when you ask about the error.
* Pages tell the same errors in the language of their reader.

`python -m dev.error_docs` writes this page from the code.
"""

NEXT = {
    HTTPStatus.BAD_REQUEST: "Mend the request. Sent again as it is, it fails again.",
    HTTPStatus.UNAUTHORIZED: "Send a key that is valid, or sign in again.",
    HTTPStatus.PAYMENT_REQUIRED: "Nothing was charged. Ask for another card. At a checkout the "
    "attempt key stays declined: take a new one.",
    HTTPStatus.FORBIDDEN: "Use a key with the scope, or an account that is active.",
    HTTPStatus.NOT_FOUND: "Check the id. What is another merchant's is not found either.",
    HTTPStatus.METHOD_NOT_ALLOWED: "Use a method that the header `Allow` names.",
    HTTPStatus.CONFLICT: "Read what stands now. `conflict` and `request_running` are worth another "
    "try at once; any other code holds until something changes.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Send less at once.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "Send the type that is named.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Mend the fields that `errors` names.",
    HTTPStatus.TOO_MANY_REQUESTS: "Wait as long as the header `Retry-After` says.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Read what stands before you send it again, with the same "
    "`Idempotency-Key`.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Send it again after `Retry-After`, with the same "
    "`Idempotency-Key`. After `outcome_unknown` read what stands first.",
}
"""Advice by status, for callers of the API."""

VARYING = {
    "charges_stopped": tuple(Hold),
    "sales_stopped": tuple(Hold),
    "purchase_declined": ("the decline code",),
    "declined": ("the decline code",),
}
"""Codes that are only known when an error is raised, by its reason."""

PARAMETERS = {
    "accepted": "text: the content types that are read",
    "account": "text: the account that the keys belong to",
    "allowed": "text: the methods that the address takes",
    "column": "text: the column's name",
    "company": "text: the gateway's company",
    "count": "whole number: how many characters or entries",
    "currency": "text: ISO 4217 code",
    "department": "text: the department's name",
    "domain": "text: the domain that was asked for",
    "expected": "text: how the key begins",
    "first": "whole number: the first year",
    "gateway": "text: the gateway's name",
    "given": "text: `test` or `live`",
    "invoices": "whole number: open invoices",
    "last": "whole number: the last year",
    "least": "whole number or money: the smallest value that is taken",
    "line": "whole number: the line of the file",
    "limit": "whole number: the value that must not be reached",
    "merchant": "text: the merchant's name",
    "mode": "text: the gateway's own word for test or live",
    "nearest": "text: the nearest color that can be read, as `#rrggbb`",
    "most": "whole number or money: the largest value that is taken",
    "name": "text: the field's name",
    "payments": "whole number: payments that could be refunded",
    "period": "text: `1w`, `1m`, ..",
    "periods": "text: the periods that are taken",
    "platform": "text: the platform's name",
    "ratio": "text: the contrast, from 1 to 21",
    "right": "text: what the key may not use",
    "role": "text: the role in the team",
    "side": "whole number: pixels of the longer side",
    "scope": "text: the scope that the key lacks",
    "subscriptions": "whole number: subscriptions that run",
    "type": "text: the price type in words",
    "usage": "text: what is used, and of how much",
    "values": "text: the values that are taken",
    "wanted": "text: `test` or `live`",
}
"""Type and meaning of each parameter."""


def written() -> str:
    """Returns the page."""
    statuses = sorted({_status(each) for each in raised()})
    parts = [INTRODUCTION, *(_section(status) for status in statuses), _parameters()]
    return "\n".join(parts)


def _section(status: HTTPStatus) -> str:
    rows = sorted({row for each in raised() if _status(each) is status for row in _rows(each)})
    lines = [
        f"## {int(status)} {status.phrase}\n",
        f"{NEXT[status]}\n",
        "| code | reason | text | parameters |",
        "|---|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
    ]
    return "\n".join(lines)


def _rows(each: Raised) -> Iterator[tuple[str, str, str, str]]:
    varying = tuple(f"*{code}*" if " " in code else f"`{code}`" for code in _codes(each))
    names = ", ".join(f"`{name}`" for name in sorted(each.parameters))
    yield ", ".join(varying), f"`{each.reason}`", _text(each), names


def _codes(each: Raised) -> tuple[str, ...]:
    return VARYING[each.reason] if each.code is None else (each.code,)


def _text(each: Raised) -> str:
    names = (each.reason, *(c.code for c in each.kind.__mro__ if issubclass(c, BillingError)))
    key = next(f"error.{name}" for name in names if messages.has(f"error.{name}"))
    entry = messages._catalog(messages.ENGLISH)[key]
    words = entry if isinstance(entry, str) else entry["other"]
    return words.replace("|", "\\|")


def _status(each: Raised) -> HTTPStatus:
    return next(STATUS[cls] for cls in each.kind.__mro__ if cls in STATUS)


def _parameters() -> str:
    rows = (f"| `{name}` | {meaning} |" for name, meaning in sorted(PARAMETERS.items()))
    return "\n".join(["## Parameters\n", "| name | type and meaning |", "|---|---|", *rows, ""])


if __name__ == "__main__":
    PAGE.write_text(written(), "utf-8")
