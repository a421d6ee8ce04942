"""Webhooks in the OpenAPI document: one for each type of event, with the object that it shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from billing.event_log.public_events import About, PublicType
from billing.webhooks.deliveries import TEST
from billing.webhooks.event_texts import ABOUT, OBJECTS, TESTED, WHEN, WHEN_TESTED

REFERENCE = "#/components/schemas/{model}"
TEXT: dict[str, Any] = {"type": "string"}
TEXT_OR_NOTHING: dict[str, Any] = {"anyOf": [{"type": "string"}, {"type": "null"}]}
INSTANT: dict[str, Any] = {"type": "string", "format": "date-time"}
INSTANT_OR_NOTHING: dict[str, Any] = {"anyOf": [INSTANT, {"type": "null"}]}
MONEY = {"$ref": REFERENCE.format(model="MoneyOutput")}

HEADERS = (
    ("webhook-id", "The event's id: the same in each attempt. Act on an id once."),
    ("webhook-timestamp", "When this attempt was made, in seconds since 1970. Refuse old ones."),
    ("webhook-signature", "`v1,<signature>` by each valid secret, separated by spaces."),
)

ANSWERS = {
    "200": {"description": "Any 2xx: it has arrived. All else is tried again for three days."},
    "410": {"description": "The endpoint is gone: it is disabled, and nothing more is sent."},
}

_OWN: Mapping[About, dict[str, Any]] = {
    About.REFUND: {
        "order": TEXT,
        "invoice": TEXT,
        "subscription": TEXT_OR_NOTHING,
        "customer": TEXT,
        "amount": MONEY,
        "state": TEXT,
    },
    About.DISPUTE: {
        "order": TEXT,
        "invoice": TEXT,
        "subscription": TEXT_OR_NOTHING,
        "customer": TEXT,
        "amount": MONEY,
        "state": TEXT,
        "opened_at": INSTANT,
    },
    About.ACCESS: {
        "customer": TEXT,
        "grants": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["grant", "active", "until"],
                "properties": {
                    "grant": TEXT,
                    "active": {"type": "boolean"},
                    "until": INSTANT_OR_NOTHING,
                },
            },
        },
    },
    About.FIGURES: {
        "day": TEXT,
        "revision": {"type": "integer"},
        "time_zone": TEXT,
        "test": {"type": "boolean"},
        "figures": {
            "type": "array",
            "items": {
                "allOf": [
                    {"$ref": REFERENCE.format(model="PeriodOutput")},
                    {
                        "type": "object",
                        "required": ["currency"],
                        "properties": {"currency": TEXT},
                    },
                ]
            },
        },
    },
    About.CUSTOMER: {"changed": TEXT_OR_NOTHING},
    About.TICKET: {
        "state": TEXT,
        "department": TEXT,
        "customer": TEXT_OR_NOTHING,
        "about": TEXT_OR_NOTHING,
        "requested_at": INSTANT,
    },
}
"""Fields of the objects that no route of /v1 shows so."""

_TESTED: dict[str, Any] = {
    "type": "object",
    "required": ["id", "type", "timestamp", "created_at", "api_version", "sequence", "data"],
    "properties": {
        "id": TEXT,
        "type": {"const": TEST},
        "timestamp": INSTANT,
        "created_at": INSTANT,
        "api_version": TEXT,
        "sequence": {"type": "integer"},
        **{name: {"type": "null"} for name in ("customer", "subscription", "invoice")},
        "data": {
            "type": "object",
            "required": ["object"],
            "properties": {
                "object": {
                    "type": "object",
                    "required": ["object", "id"],
                    "properties": {"object": {"const": "webhook_endpoint"}, "id": TEXT},
                }
            },
        },
    },
}
"""The event that tries an endpoint: it is in no log, so that no route shows one."""

_SHAPES = {About.SUBSCRIPTION: "SubscriptionOutput", About.INVOICE: "InvoiceOutput"}


def webhooks() -> dict[str, Any]:
    """Returns the `webhooks` of the document, by type of event."""
    logged = {kind.value: {"post": _of_type(kind)} for kind in PublicType}
    return {**logged, TEST: {"post": _operation(TEST, WHEN_TESTED, TESTED, _TESTED)}}


def _of_type(kind: PublicType) -> dict[str, Any]:
    about = ABOUT[kind]
    return _operation(kind.value, WHEN[kind], OBJECTS[about], _event(kind, about))


def _operation(kind: str, when: str, words: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "operationId": f"on_{kind.replace('.', '_')}",
        "tags": ["Webhooks"],
        "summary": when,
        "description": words,
        "security": [],
        "parameters": [
            {"name": name, "in": "header", "required": True, "description": words, "schema": TEXT}
            for name, words in HEADERS
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": schema}},
        },
        "responses": ANSWERS,
    }


def _event(kind: PublicType, about: About) -> dict[str, Any]:
    """Returns the schema of an event: as the list shows it, with its type and its object."""
    return {
        "allOf": [
            {"$ref": REFERENCE.format(model="EventOutput")},
            {
                "type": "object",
                "required": ["timestamp"],
                "properties": {
                    "type": {"const": kind.value},
                    "timestamp": INSTANT,
                    "data": {"type": "object", "properties": {"object": _object(about)}},
                },
            },
        ]
    }


def _object(about: About) -> dict[str, Any]:
    named: dict[str, Any] = {"object": {"const": about.value}, "id": TEXT}
    own = {
        "type": "object",
        "required": ["object", "id"],
        "properties": named | _OWN.get(about, {}),
    }
    if about not in _SHAPES:
        return own
    return {"allOf": [{"$ref": REFERENCE.format(model=_SHAPES[about])}, own]}
