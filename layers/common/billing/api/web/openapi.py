"""The OpenAPI document of /v1, made from the declared routes and their shapes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from inspect import getclosurevars
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter

from billing.api.web.frame import (
    ACCEPTED,
    HAS_BODY,
    NOTHING_TO_SAY,
    Csv,
    CsvInput,
    FileInput,
    Later,
    Pdf,
    Route,
    Xml,
)
from billing.web.http import JSON, PROBLEM, XML
from billing.web.inputs import Nothing
from billing.web.request import CSV

VERSION = "3.1.0"
REFERENCE = "#/components/schemas/{model}"

ERRORS = {
    "400": "The request cannot be read.",
    "401": "No API key, or one that is not known.",
    "403": "The API key may not do this.",
    "404": "Unknown, or not yours.",
    "409": "The state or a policy forbids it; `code` says which.",
    "413": "The body is over 64 KB, a CSV file over 1 MB, one to import over 4 MB.",
    "415": "The body is not application/json, or text/csv where a file is sent.",
    "422": "Malformed or out of bounds; `field` says which, `errors` lists all.",
    "429": "Too many requests.",
    "500": "An error of ours; `request_id` finds it in the log.",
    "503": "A part of the service does not answer. `unavailable`, `gateway_unavailable` and "
    "`gateway_busy` say that nothing was done: try again later. `unfinished`: the same request "
    "does the rest. `outcome_unknown`: look at what stands before asking again; a refund or a "
    "ticket with an Idempotency-Key is the same one.",
}

KNOWN_AS = {
    "billing__kernel__agreement__When": "billing__subscription__When",
    "billing__plans__plan_change__When": "billing__plan_change__When",
}
"""Component names that programs know.

Two shapes share the name `When`, and pydantic distinguishes them by their modules, which have moved
since.
"""

WHY = {
    "reason": {"type": "string", "description": "The rule behind the code; stable too."},
    "parameters": {"type": "object", "description": "Values that the message fills in."},
}

PROBLEM_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "Stable; made for programs."},
        **WHY,
        "field": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {
                    "field": {"type": "string"},
                    "message": {"type": "string"},
                    **WHY,
                },
            },
        },
        "request_id": {"type": "string"},
    },
}

PROBLEMS = {PROBLEM: {"schema": {"$ref": REFERENCE.format(model="Problem")}}}

IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same key and body are answered the same for 24 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


def document(
    routes: Sequence[Route], base_url: str, webhooks: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Builds the document for a list of routes, and for webhooks as another room describes them."""
    shapes = {
        (key, mode): TypeAdapter(shape)
        for route in routes
        for key, mode, shape in (
            (route, "validation", route.takes),
            (route, "serialization", _gives(route)),
            ((route, ACCEPTED), "serialization", _gives_later(route)),
        )
        if shape is not None
    }
    schemas, definitions = TypeAdapter.json_schemas(
        [(key, mode, adapter) for (key, mode), adapter in shapes.items()],  # type: ignore[misc]
        ref_template=REFERENCE,
    )
    schemas, named = _as_known(schemas), _as_known(definitions.get("$defs", {}))
    components = _titled(dict(sorted(named.items())) | {"Problem": PROBLEM_SCHEMA})
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        takes = _resolved(schemas[route, "validation"], components)
        operation = _operation(route, takes, schemas.get((route, "serialization")))
        if later := schemas.get(((route, ACCEPTED), "serialization")):
            operation["responses"][str(ACCEPTED)] = _answer("Recorded, and under way.", later)
        paths.setdefault(_template(route.path), {})[route.method.lower()] = operation
    return {
        "openapi": VERSION,
        "info": {"title": "Perennial merchant API", "version": "1"},
        "servers": [{"url": base_url}],
        "security": [{"key": []}],
        "paths": paths,
        **({"webhooks": webhooks} if webhooks else {}),
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route, takes: dict[str, Any], gives: dict[str, Any] | None) -> dict[str, Any]:
    parameters = [_in_path(name) for name in re.findall(r"<(\w+)>", route.path)]
    operation: dict[str, Any] = {
        "operationId": route.handler.__name__,
        **_words(route.handler.__doc__ or ""),
        "parameters": parameters,
        "responses": _responses(route, gives),
    }
    takes_file = issubclass(route.takes, FileInput)
    if route.method not in HAS_BODY or takes_file:
        required = takes.get("required", [])
        parameters += (
            {"name": name, "in": "query", "required": name in required, "schema": schema}
            for name, schema in takes.get("properties", {}).items()
        )
    if route.method == "POST":
        parameters.append(IDEMPOTENCY_KEY)
    if route.method in HAS_BODY and route.takes is not Nothing:
        body = {"$ref": REFERENCE.format(model=route.takes.__name__)}
        # No body is read as {}: it is missed only where a field is.
        needed = bool(takes.get("required"))
        in_json = {JSON: {"schema": body}}
        content = CSV_TEXT if route.takes is CsvInput else in_json
        content = {**CSV_TEXT, **in_json} if takes_file else content
        operation["requestBody"] = {"required": needed, "content": content}
    return operation


def _words(docstring: str) -> dict[str, str]:
    """Splits a handler's docstring: its first paragraph as summary, the rest as description."""
    summary, *more = docstring.strip().split("\n\n")
    described = "\n\n".join(" ".join(each.split()) for each in more)
    return {"summary": summary, "description": described} if described else {"summary": summary}


def _responses(route: Route, gives: dict[str, Any] | None) -> dict[str, Any]:
    errors = {
        status: {"description": words, "content": PROBLEMS}
        for status, words in (ERRORS | dict(route.errors)).items()
    }
    if route.status == NOTHING_TO_SAY:
        done: dict[str, Any] = {"description": "Done."}
    else:
        done = _file(route) if gives is None else _answer("Done.", gives)
    return {str(route.status): done, **errors}


PDF = {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}


XML_TEXT = {XML: {"schema": {"type": "string"}}}


CSV_TEXT = {CSV: {"schema": {"type": "string"}}}


def _file(route: Route) -> dict[str, Any]:
    shapes = _shapes(route)
    content = CSV_TEXT if Csv in shapes else XML_TEXT if Xml in shapes else PDF
    return {"description": "Done.", "content": content}


def _answer(words: str, gives: dict[str, Any]) -> dict[str, Any]:
    return {"description": words, "content": {JSON: {"schema": gives}}}


def _in_path(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _template(path: str) -> str:
    return path.replace("<", "{").replace(">", "}")


def _gives(route: Route) -> Any | None:
    """Returns the shape of a finished answer, None of a PDF."""
    shapes = _shapes(route)
    given = next(shape for shape in shapes if get_origin(shape) is not Later)
    return None if given in {Pdf, Csv, Xml} else given


def _gives_later(route: Route) -> Any | None:
    """Returns the shape of a 202 answer, None where every answer is final."""
    begun = (get_args(shape)[0] for shape in _shapes(route) if get_origin(shape) is Later)
    return next(begun, None)


def _shapes(route: Route) -> tuple[Any, ...]:
    hint = _returned(route.handler)
    return get_args(hint) if get_origin(hint) in {Union, UnionType} else (hint,)


def _returned(handler: Any) -> Any:
    """Returns the type of a handler's answer: its module may import that where it is declared."""

    def answer() -> None:
        """Has that annotation alone, for those of the arguments may not be imported."""

    answer.__annotations__ = {"return": handler.__annotations__["return"]}
    enclosing = getclosurevars(handler).nonlocals
    return get_type_hints(answer, handler.__globals__, dict(enclosing))["return"]


def _as_known(part: Any) -> Any:
    """Renames the components in part of a schema to the names that programs know."""
    if isinstance(part, dict):
        return {KNOWN_AS.get(key, key): _as_known(value) for key, value in part.items()}
    if isinstance(part, list):
        return [_as_known(each) for each in part]
    if isinstance(part, str) and (name := part.rpartition("/")[2]) in KNOWN_AS:
        return REFERENCE.format(model=KNOWN_AS[name])
    return part


def _titled(components: dict[str, Any]) -> dict[str, Any]:
    """Titles each component after its own name.

    Generators name classes by titles, and leave out what would share one, with every operation
    that needs it: all lists had the title of their common shape.
    """
    return {name: schema | {"title": _title(name)} for name, schema in components.items()}


def _title(component: str) -> str:
    words = component.removeprefix("billing").split("_")
    return "".join(word[:1].upper() + word[1:] for word in words)


def _resolved(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = components.get(reference, schema)
    return found
