"""Sample events, made from the API document: each field has a value of its kind."""

from collections.abc import Mapping
from typing import Any

_DEEPEST = 8
_TEXTS = {"created_at": "2026-01-31T15:00:00Z", "at": "2026-01-31T15:00:00Z", "currency": "USD"}


def event(document: Mapping[str, Any], kind: str, *, event_id: str, at: str) -> dict[str, Any]:
    """Returns an event of a type; raises `ValueError` with all types for another one."""
    webhooks = document["webhooks"]
    if kind not in webhooks:
        raise ValueError(f"TYPE: there is no {kind[:60]!r}. There are: {', '.join(webhooks)}")
    schema = webhooks[kind]["post"]["requestBody"]["content"]["application/json"]["schema"]
    made: dict[str, Any] = sample(document, schema)
    return {**made, "id": event_id, "type": kind, "timestamp": at, "created_at": at}


def sample(
    document: Mapping[str, Any], schema: Mapping[str, Any], name: str = "", deep: int = 0
) -> Any:
    """Returns a value that a schema describes; an example of the document comes first."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for given in ("const", "example", "default"):
        if given in schema:
            return schema[given]
    for several in ("examples", "enum"):
        if schema.get(several):
            return schema[several][0]
    if options := schema.get("anyOf") or schema.get("oneOf"):
        return sample(document, options[0], name, deep + 1)
    merged = dict(schema)
    for part in schema.get("allOf", ()):
        found = _resolved(document, part)
        merged["properties"] = merged.get("properties", {}) | found.get("properties", {})
    return _of_type(document, merged, name, deep)


def _of_type(document: Mapping[str, Any], schema: Mapping[str, Any], name: str, deep: int) -> Any:
    if "properties" in schema and deep < _DEEPEST:
        fields = schema["properties"].items()
        return {each: sample(document, part, each, deep + 1) for each, part in fields}
    match schema.get("type"):
        case "object":
            return {}
        case "array":
            return (
                []
                if deep >= _DEEPEST
                else [sample(document, schema.get("items", {}), name, deep + 1)]
            )
        case "integer" | "number":
            return 2999 if name == "amount" else 1
        case "boolean":
            return True
        case "null":
            return None
    return _TEXTS.get(name) or (_TEXTS["at"] if name.endswith("_at") else f"{name or 'text'}_1")


def _resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    found: Mapping[str, Any] = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found
