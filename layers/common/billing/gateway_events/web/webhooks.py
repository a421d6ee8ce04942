"""A gateway's request: its bytes exactly as they were signed, and the accounts it may be for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from billing.kernel.gateways import AccountRef
from billing.kernel.ports import Ports
from billing.web import request
from billing.web.problems import Malformed, TooLarge

MAX_BODY_BYTES = 256 * 1024


def admitted(event: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the event with its body as text, from which `str.encode` makes the signed bytes.

    Any error in the bytes is a 400: a gateway sends no such thing.
    """
    try:
        return request.admitted(event, most_bytes=MAX_BODY_BYTES)
    except TooLarge as error:
        raise Malformed(error.reason, **error.parameters) from None


def accounts(ports: Ports, gateway: str, merchant: str) -> Sequence[AccountRef]:
    """Lists the accounts that an event sent to this address may be of.

    There are none for an unknown merchant, and several while an old account still has something
    open (W-6): the signature decides.
    """
    known = ports.store.merchant(request.plain_id(merchant))
    return () if known is None else known.accounts_at(request.plain_id(gateway))
