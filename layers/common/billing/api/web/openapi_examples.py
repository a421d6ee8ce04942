"""Examples in the OpenAPI document: made from the shapes, so that none goes stale.

A field's example follows from its name and its schema; a body has the fields that it needs, or is
written here where those alone would say nothing.
"""

from __future__ import annotations

from typing import Any

PRICE = {
    "type": "recurring",
    "price": {"amount": 2999, "currency": "USD"},
    "period": "1m",
    "cancellation": "delayed",
}

BODIES: dict[str, Any] = {
    "preview": {"price_point": PRICE, "start": "2026-01-31T10:00:00", "time_zone": "UTC"},
    "create_product": {
        "name": "Course",
        "public_listing": True,
        "refund_days": 14,
        "gateways": ["sandbox"],
        "price_points": [PRICE],
    },
    "add_price_point": PRICE,
    "change_product": {"name": "Course for two"},
    "change_price_point": {"archived": True},
    "change_settings": {"grace_days": 3},
    "change_customer": {"email": "ann@example.com"},
    "change_webhook_endpoint": {"events": ["invoice.voided"]},
    "change_tax_settings": {"vies": True},
    "create_coupon": {"code": "SPRING", "basis_points": 2500, "duration": "once"},
    "refund_order": {"amount": 1000, "reason": "Bought twice"},
    "cancel_subscription": {"when": "period_end", "reason": "too_expensive"},
    "register": {"country": "DE"},
    "set_rate": {"country": "US", "state": "CA", "name": "State tax", "rate": "0.0725"},
    "create_portal_link": {"email": "ann@example.com"},
    "announce_price_change": {"price": {"amount": 3499, "currency": "USD"}, "from": "2026-06-01"},
    "announce_price_changes": {"price": {"amount": 3499, "currency": "USD"}, "from": "2026-06-01"},
    "replay_webhooks": {"from": "2026-03-01", "to": "2026-03-02"},
}
"""Bodies by operation, where the needed fields alone say too little."""

NAMED: dict[str, Any] = {
    "amount": 2999,
    "attempts": 1,
    "city": "Berlin",
    "code": "SPRING",
    "contact": "ann@example.com",
    "country": "DE",
    "customer": "cus_7Qm2",
    "department": "billing",
    "email": "ann@example.com",
    "events": ["*"],
    "gateway": "sandbox",
    "gateways": ["sandbox"],
    "grant": "course",
    "grants": ["course"],
    "id": "Xy7Qm2",
    "invoice": "inv_7Qm2",
    "ip": "203.0.113.7",
    "language": "en",
    "last4": "4242",
    "kind": "sale",
    "line1": "1 Main Street",
    "name": "Ann Example",
    "number": "INV-1042",
    "order": "ORD-7QM2",
    "postal_code": "10115",
    "price_point": "price_7Qm2",
    "product": "prod_7Qm2",
    "product_name": "Course",
    "rate": "0.19",
    "scopes": ["read"],
    "period": "1m",
    "state": "active",
    "subject": "About my order",
    "subscription": "sub_7Qm2",
    "tax_id": "DE136695976",
    "text": "Thank you, that is all.",
    "time_zone": "America/New_York",
    "type": "recurring",
    "token": "5f0e." + "0" * 32,
    "url": "https://app.example.com/hooks",
}
"""Values of fields by name, used where they fit the schema."""

FORMS = {
    "date-time": "2026-03-01T10:00:00Z",
    "date": "2026-03-01",
    "uri": "https://pay.example.com/portal/acme",
}

OWN: dict[str, dict[str, Any]] = {
    "ProductOutput": {"name": "Course", "public_listing": True, "refund_days": 14},
    "NewProductInput": {"name": "Course"},
    "PricePointOutput": {"default": True},
    "SubscriptionOutput": {"payments_made": 3, "credit": 0, "next_charge_at": FORMS["date-time"]},
    "OrderOutput": {"refunded": 0},
    "InvoiceOutput": {"state": "paid", "settled_at": FORMS["date-time"]},
    "AccessOutput": {"active": True},
    "ActiveOutput": {"active": True},
    "DepartmentOutput": {"id": "billing", "name": "Billing"},
    "WebhookEndpointOutput": {"name": "Main"},
}
"""Values of fields of one shape, in place of those by name."""

DEEPEST = 6
"""The depth of an example; what is deeper is left empty."""


def sent(operation: str, schema: dict[str, Any], components: dict[str, Any]) -> Any:
    """Returns an example of an operation's body: the fields that must be sent."""
    if operation in BODIES:
        return BODIES[operation]
    return _value("", schema, components, needed=True)


def given(schema: dict[str, Any], components: dict[str, Any]) -> Any:
    """Returns an example of an answer, with each of its fields."""
    return _value("", schema, components, needed=False)


def _value(
    name: str, schema: dict[str, Any], components: dict[str, Any], *, needed: bool, depth: int = 0
) -> Any:
    if "$ref" in schema:
        schema = components[schema["$ref"].rpartition("/")[2]]
    kinds = schema.get("anyOf") or schema.get("oneOf") or ()
    if {"type": "null"} in kinds and name not in NAMED:
        return None
    if kinds:
        return _value(name, kinds[0], components, needed=needed, depth=depth)
    kind = schema.get("type")
    if kind == "array" and not _fits(NAMED.get(name), kind):
        inside = () if depth >= DEEPEST else (schema["items"],)
        return [_value(name, one, components, needed=needed, depth=depth + 1) for one in inside]
    if kind == "object" or "properties" in schema:
        return _object(schema, components, needed, depth)
    return _plain(name, schema)


def _object(
    schema: dict[str, Any], components: dict[str, Any], needed: bool, depth: int
) -> dict[str, Any]:
    wanted = schema.get("required", ()) if needed else schema.get("properties", {})
    fields = schema.get("properties", {})
    own = OWN.get(schema.get("title", ""), {})
    return {
        field: own[field]
        if field in own
        else _value(field, fields[field], components, needed=needed, depth=depth + 1)
        for field in wanted
    }


def _plain(name: str, schema: dict[str, Any]) -> Any:
    named, kind = NAMED.get(name), schema.get("type")
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return named if named in schema["enum"] else schema["enum"][0]
    if schema.get("format") in FORMS:
        return FORMS[schema["format"]]
    if _fits(named, kind):
        return named
    if kind == "boolean":
        return schema.get("default", False)
    if kind in {"integer", "number"}:
        return schema.get("default", schema.get("minimum", 1))
    return None if kind == "null" else schema.get("default", "text")


def _fits(value: Any, kind: str | None) -> bool:
    fitting = {"string": str, "integer": int, "array": list}
    return isinstance(value, fitting.get(kind or "", ()))
