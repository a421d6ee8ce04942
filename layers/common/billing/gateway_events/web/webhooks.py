"""A gateway's request: its bytes exactly as they were signed, and the merchant it may be for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.web import request
from billing.web.problems import Malformed, TooLarge

MAX_BODY_BYTES = 256 * 1024


def admit(event: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the event with its body as text, from which `str.encode` makes the signed bytes.

    Any error in the bytes is a 400: a gateway sends no such thing.
    """
    try:
        return request.admitted(event, most_bytes=MAX_BODY_BYTES)
    except TooLarge as error:
        raise Malformed(error.reason, **error.parameters) from None


def merchant(ports: Ports, name: str) -> Merchant | None:
    """Returns the merchant that an address names; None for an unknown one."""
    return ports.store.merchant(request.plain_id(name))
