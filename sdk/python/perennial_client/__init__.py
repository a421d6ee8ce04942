"""Perennial's API for Python programs: operations, webhooks, errors, pages.

    from perennial_client import Perennial

    perennial = Perennial("sk_..", "https://billing.example.com")
    for order in perennial.every(perennial.list_orders, kind="rebill"):
        print(order.id, order.amount.amount)

The operations are generated from the API document (`make sdk`); the rest is written by hand, and
works without them.
"""

from typing import TYPE_CHECKING, Any

from perennial_client.connection import connect
from perennial_client.errors import (
    ApiError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    OutcomeUnknown,
    PerennialError,
    ServerError,
    TooManyRequests,
    Unauthenticated,
    UnexpectedAnswer,
    Unreachable,
)
from perennial_client.paging import every
from perennial_client.webhooks import Event, WebhookError, sign, verify

if TYPE_CHECKING:
    from perennial_client.client import Perennial

__all__ = [
    "ApiError",
    "Conflict",
    "Event",
    "Forbidden",
    "Invalid",
    "NotFound",
    "OutcomeUnknown",
    "Perennial",
    "PerennialError",
    "ServerError",
    "TooManyRequests",
    "Unauthenticated",
    "UnexpectedAnswer",
    "Unreachable",
    "WebhookError",
    "connect",
    "every",
    "sign",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Loads what is generated only for those who ask for it."""
    if name != "Perennial":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from perennial_client.client import Perennial

    return Perennial
