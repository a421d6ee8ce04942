"""A gateway's request: its bytes exactly as they were signed, and the merchant it may be for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from billing.gateway_events.flows import webhook
from billing.gateway_events.flows.health import Notes
from billing.kernel.errors import Forged
from billing.kernel.ports import Ports
from billing.runtime import telemetry
from billing.web import request
from billing.web.problems import Malformed, TooLarge

MAX_BODY_BYTES = 256 * 1024

REFUSED_COUNTS_AS = 7
"""The number of charges without an answer that a refused webhook rings the same alarm as: three in
a quarter of an hour ring it, which a single payment brings about when the secret is wrong."""


def admit(event: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the event with its body as text, from which `str.encode` makes the signed bytes.

    Any error in the bytes is a 400: a gateway sends no such thing.
    """
    try:
        return request.admitted(event, most_bytes=MAX_BODY_BYTES)
    except TooLarge as error:
        raise Malformed(error.reason, **error.parameters) from None


def receive(
    ports: Ports, asked: request.Request, gateway: str, name: str, notes: Notes
) -> Counter[str]:
    """Handles an event for the merchant that the address names; says in log, metrics and to the
    merchant whose is refused, and why.

    What has no signature at all is no gateway's, and is not counted: anybody can send that.
    """
    merchant, now = ports.store.merchant(request.plain_id(name)), ports.clock()
    at, body = request.plain_id(gateway), asked.body.encode()
    try:
        return webhook.receive(ports, merchant, at, body, asked.headers, now=now, notes=notes)
    except Forged as refused:
        if merchant is not None and merchant.accounts_at(at):
            telemetry.happened(
                "webhook refused",
                merchant=merchant.id,
                gateway=at,
                reason=refused.reason,
                request_id=asked.id,
            )
            if refused.reason != "signature_missing":
                notes.refusal(ports, merchant.id, at, refused.reason, now=now)
                telemetry.count("WebhookRefused")
                telemetry.count("GatewayTrouble", REFUSED_COUNTS_AS)
        raise
