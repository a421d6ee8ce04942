"""Stripe's webhooks: their signature, their account, their payment or card (W-1, W-7).

Nothing else is taken from the payload: the object of an event is read afresh. Without the SDK,
which is 300 ms of a cold start, and whose check of signatures takes times from the future, and a
tolerance of 0 for none. Source: https://docs.stripe.com/webhooks#verify-manually and
https://docs.stripe.com/api/events/types.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from billing.gateways import event_signature
from billing.kernel.errors import Forged
from billing.kernel.gateways import About, GatewayEvent

SIGNATURE_HEADER = "stripe-signature"

TOPICS = {
    "payment_intent": About.PAYMENT,
    "charge": About.PAYMENT,
    "checkout.session": About.PAYMENT,
    "refund": About.REFUND,
    "charge.refund": About.REFUND,
    "charge.refunded": About.REFUND,
    "charge.dispute": About.DISPUTE,
    "payment_method.updated": About.METHOD,
    "payment_method.automatically_updated": About.METHOD,
    "payment_method.card_automatically_updated": About.METHOD,  # its name until 2020-08-27
}
"""Maps an event type to its subject, by the longest prefix of it in this table.

Of payment methods only changes: one that was attached was read then, and one that was detached is
found gone when it is charged.
"""

LONGEST = 255

THIN = "v2.core.event"
"""The object of an event without its subject, which an endpoint gets whose payload style is thin
(https://docs.stripe.com/event-destinations#thin-events)."""


def parse(
    body: bytes,
    headers: Mapping[str, str],
    *,
    secrets: Iterable[str],
    account: str,
    now: datetime,
) -> GatewayEvent:
    """Parses the event in a request, signed with one of `secrets` (several while they are rotated).

    `headers` have names in lower case. An event that names an account must name `account`: a
    Connect endpoint gets the events of all that are connected. Raises `Forged`.
    """
    event_signature.verify(body, headers.get(SIGNATURE_HEADER, ""), secrets, now=now)
    try:
        event = json.loads(body.decode())
        if isinstance(event, dict) and event.get("object") == THIN:
            raise Forged("event_thin")
        parsed = from_object(event)
    except (ValueError, LookupError, TypeError, OverflowError, OSError, RecursionError) as error:
        raise Forged("event_malformed") from error
    if event.get("account", account) != account:
        raise Forged("event_of_other_account")
    return parsed


def from_object(event: Mapping[str, Any]) -> GatewayEvent:
    """Parses an event object, as it is sent and as `GET /v1/events` lists it.

    Raises ValueError, LookupError, TypeError, OverflowError or OSError for what is none.
    """
    kind, about = event["type"], About.OTHER
    if not isinstance(event["id"], str) or not isinstance(kind, str):
        raise TypeError("ids and types are text")
    if not isinstance(subject := event["data"]["object"], Mapping):
        raise TypeError("an event is about an object")
    beginnings = kind.split(".")
    for length in range(len(beginnings), 0, -1):
        topic = ".".join(beginnings[:length])
        if topic in TOPICS:
            about = TOPICS[topic]
            break
    return GatewayEvent(
        id=event["id"][:LONGEST],
        type=kind[:LONGEST],
        about=about,
        reference=_method(subject) if about is About.METHOD else _payment(subject),
        at=datetime.fromtimestamp(event["created"], tz=UTC),
    )


def _payment(about: Mapping[str, Any]) -> str | None:
    """Returns the PaymentIntent of an object that is one, names one, or holds one expanded."""
    found = about if about.get("object") == "payment_intent" else about.get("payment_intent")
    reference = found.get("id") if isinstance(found, Mapping) else found
    return reference if isinstance(reference, str) and 0 < len(reference) <= LONGEST else None


def _method(about: Mapping[str, Any]) -> str | None:
    """Names a saved method as we do; None for a payment method without a customer."""
    found = about.get("customer")
    customer = found.get("id") if isinstance(found, Mapping) else found
    card = about.get("id")
    if about.get("object") != "payment_method" or not isinstance(card, str):
        return None
    if not isinstance(customer, str) or not customer or len(customer) + len(card) >= LONGEST:
        return None
    return f"{customer}:{card}"
