"""The body of a webhook: the event as GET /v1/events shows it, as JSON (M-5).

It is made from what is stored and never changes, so that each attempt sends the same bytes.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from billing.event_log.logged_events import LoggedEvent, place_of
from billing.webhooks.deliveries import TEST, Delivery

LARGEST = 20_000
"""The most bytes of a body; of an object that is larger the id alone is sent."""

VERSION = "1"


def of_event(logged: LoggedEvent) -> bytes:
    """Returns the body of a logged event."""
    shown = json.loads(logged.object)
    body = _bytes(logged, shown)
    if len(body) <= LARGEST:
        return body
    return _bytes(logged, {"object": shown["object"], "id": shown["id"], "shortened": True})


def of_test(delivery: Delivery) -> bytes:
    """Returns the body of an event that tries an endpoint."""
    shown = {"object": "webhook_endpoint", "id": delivery.endpoint}
    at = place_of(delivery.event)
    made = LoggedEvent(delivery.merchant, delivery.event, TEST, at, "", "", VERSION)
    return _bytes(made, shown)


def _bytes(logged: LoggedEvent, shown: dict[str, Any]) -> bytes:
    body = {
        "id": logged.id,
        "type": logged.type,
        "timestamp": _text(logged.at),
        "created_at": _text(logged.at),
        "api_version": logged.version,
        "sequence": logged.sequence,
        "customer": logged.customer,
        "subscription": logged.subscription,
        "invoice": logged.invoice,
        "data": {"object": shown},
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
