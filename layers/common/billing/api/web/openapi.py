"""The OpenAPI document of /v1, made from the declared routes and their shapes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from inspect import getclosurevars
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter

from billing.api.web import openapi_answers as answers
from billing.api.web import openapi_examples as examples
from billing.api.web import openapi_words as words
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
from billing.web.http import JSON, REQUEST_ID, XML
from billing.web.inputs import Nothing
from billing.web.request import CSV

VERSION = "3.1.0"

KNOWN_AS = {
    "Kind": "DeclarationKind",
    "Reason": "DeclarationReason",
    "Source": "EndedBy",
    "Standing": "AccountStanding",
    "State": "SubscriptionState",
    "billing__kernel__cancel_requests__When": "billing__subscription__When",
    "billing__plans__plan_change__When": "billing__plan_change__When",
}
"""Component names that programs know.

Two shapes share the name `When`, and pydantic distinguishes them by their modules, which have moved
since. Some enums have names that say enough only in their own module.
"""

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
        ref_template=answers.REFERENCE,
    )
    schemas, named = _as_known(schemas), _as_known(definitions.get("$defs", {}))
    components = _titled(dict(sorted(named.items())) | {"Problem": answers.PROBLEM_SCHEMA})
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        takes = _resolved(schemas[route, "validation"], components)
        operation = _operation(route, takes, schemas.get((route, "serialization")), components)
        if later := schemas.get(((route, ACCEPTED), "serialization")):
            given = _answer(route, "Recorded, and under way.", later, components)
            operation["responses"][str(ACCEPTED)] = given
        paths.setdefault(_template(route.path), {})[route.method.lower()] = operation
    unsent = {route.takes.__name__ for route in routes if not _sends(route)} | {CsvInput.__name__}
    described: dict[str, Any] = {
        "openapi": VERSION,
        "info": words.INFO,
        "servers": [{"url": base_url}],
        "security": [{"key": []}],
        "tags": words.tags(),
        "paths": paths,
        **({"webhooks": webhooks} if webhooks else {}),
        "components": {
            "schemas": {name: one for name, one in components.items() if name not in unsent},
            "responses": answers.shared(),
            "headers": answers.HEADERS,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }
    readable: dict[str, Any] = words.unmarked(described)
    return readable


def _operation(
    route: Route,
    takes: dict[str, Any],
    gives: dict[str, Any] | None,
    components: dict[str, Any],
) -> dict[str, Any]:
    parameters = [_in_path(name) for name in re.findall(r"<(\w+)>", route.path)]
    operation: dict[str, Any] = {
        "operationId": route.handler.__name__,
        "tags": [words.tag_of(route.path)],
        **words.of_docstring(route.handler.__doc__ or ""),
        "parameters": parameters,
        "responses": _responses(route, gives, components),
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
    if _sends(route):
        # No body is read as {}: it is missed only where a field is.
        needed = bool(takes.get("required"))
        in_json = {JSON: _body(route, components)} if route.takes is not CsvInput else {}
        content = {**CSV_TEXT, **in_json} if takes_file else in_json or CSV_TEXT
        operation["requestBody"] = {"required": needed, "content": content}
    return operation


def _sends(route: Route) -> bool:
    """Tells whether a route takes a body."""
    return route.method in HAS_BODY and route.takes is not Nothing


def _body(route: Route, components: dict[str, Any]) -> dict[str, Any]:
    schema = {"$ref": answers.REFERENCE.format(model=route.takes.__name__)}
    return {"schema": schema, "example": examples.sent(route.handler.__name__, schema, components)}


def _responses(
    route: Route, gives: dict[str, Any] | None, components: dict[str, Any]
) -> dict[str, Any]:
    name, own = route.handler.__name__, route.errors
    statuses = dict.fromkeys((*answers.ERRORS, *own))
    errors = {one: answers.of_operation(name, one, own.get(one)) for one in statuses}
    if not _sends(route):
        del errors["413"], errors["415"]
    if route.status == NOTHING_TO_SAY:
        done: dict[str, Any] = {"description": "Done.", "headers": _headers(route)}
    elif gives is None:
        done = {"description": "Done.", "headers": _headers(route), "content": _file(route)}
    else:
        done = _answer(route, "Done.", gives, components)
    return {str(route.status): done, **errors}


PDF = {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}


XML_TEXT = {XML: {"schema": {"type": "string"}}}


CSV_TEXT = {CSV: {"schema": {"type": "string"}}}


def _file(route: Route) -> dict[str, Any]:
    shapes = _shapes(route)
    return CSV_TEXT if Csv in shapes else XML_TEXT if Xml in shapes else PDF


def _answer(
    route: Route, said: str, gives: dict[str, Any], components: dict[str, Any]
) -> dict[str, Any]:
    content = {"schema": gives, "example": examples.given(gives, components)}
    return {"description": said, "headers": _headers(route), "content": {JSON: content}}


def _headers(route: Route) -> dict[str, Any]:
    repeats = ("Idempotent-Replayed",) if route.method == "POST" else ()
    return answers.headers(REQUEST_ID, *repeats)


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
        return answers.REFERENCE.format(model=KNOWN_AS[name])
    return part


def _titled(components: dict[str, Any]) -> dict[str, Any]:
    """Titles each component after its own name, and the sets of values inside it after both.

    Generators name classes by titles, and leave out what would share one, with every operation
    that needs it: all lists had the title of their common shape.
    """
    return {
        name: _titled_inside(_title(name), schema) | {"title": _title(name)}
        for name, schema in components.items()
    }


def _titled_inside(owner: str, schema: dict[str, Any]) -> dict[str, Any]:
    properties = {
        name: one | {"title": owner + _title(name)} if "enum" in one else one
        for name, one in schema.get("properties", {}).items()
    }
    return schema | {"properties": properties} if properties else schema


def _title(component: str) -> str:
    words = component.removeprefix("billing").split("_")
    return "".join(word[:1].upper() + word[1:] for word in words)


def _resolved(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = components.get(reference, schema)
    return found
