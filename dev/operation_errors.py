"""Writes the error codes of each operation of /v1, which the OpenAPI document lists.

    python -m dev.operation_errors

They are what the code behind a route can raise, as `dev.error_reach` follows it. Codes that every
operation may answer stand under `*`: the frame's, and those of ports, which are not followed.
A test holds the file to what this writes.
"""

from __future__ import annotations

import ast
import inspect
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from billing.api.web import openapi_codes
from billing.api.web.frame import Api, Route
from billing.kernel.operation import Operation
from billing.web import http
from dev import error_docs, error_reach
from dev.error_reach import Place
from dev.error_reasons import Raised
from functions.merchant import app

if TYPE_CHECKING:
    from billing.kernel.ports import Ports

FILE = Path(inspect.getfile(openapi_codes)).with_name(openapi_codes.FILE)

FRAME = ("billing.api.web.frame", "billing.api.web.idempotency", "billing.web.request")
WORDS = "billing.render"
"""The package that words errors, and so names some."""

OF_PORTS = {
    "404": {"not_found"},
    "409": {"conflict"},
    "413": {"too_large"},
    "429": {"too_many_requests"},
    "500": {"internal_error"},
    "503": {
        "gateway_busy",
        "gateway_unavailable",
        "outcome_unknown",
        "unavailable",
        "unfinished",
    },
}
"""Codes of what stands behind ports, and of requests that no route takes."""

Codes = dict[str, set[str]]
"""Codes by status."""


def codes() -> dict[str, dict[str, list[str]]]:
    """Returns the codes of each operation beyond those of all, by its id and by status."""
    general = _general()
    found = {openapi_codes.ALL: general}
    for route in routes():
        theirs = _codes(_reached(_named_by(route)))
        own = {status: some - general.get(status, set()) for status, some in theirs.items()}
        found[route.handler.__name__] = {status: some for status, some in own.items() if some}
    return {
        operation: {status: sorted(some) for status, some in sorted(by_status.items())}
        for operation, by_status in sorted(found.items())
        if by_status
    }


def written() -> str:
    """Returns the file: a line for each operation."""
    lines = (f"{json.dumps(name)}: {json.dumps(some)}" for name, some in codes().items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


@cache
def routes() -> tuple[Route, ...]:
    """Returns all routes of /v1; nothing stands behind them."""
    ports = cast("Ports", SimpleNamespace(operation=Operation("https://api.perennial.invalid")))
    api = Api(http.resolver(), ports)
    for declare in app._all():
        declare(api, ports)
    return tuple(api.routes)


def _general() -> Codes:
    frame = (place for place in error_reach._places() if place.module in FRAME)
    found = _codes(_reached(frame))
    for status, some in OF_PORTS.items():
        found[status] |= some
    return found


def _codes(places: Iterable[Place]) -> Codes:
    found: Codes = defaultdict(set)
    for each in (each for place in places for each in _raised_in(place)):
        for code in error_docs._codes(each):
            if " " not in code:  # a gateway's own word
                found[str(int(error_docs._status(each)))].add(str(code))
    return found


def _raised_in(place: Place) -> tuple[Raised, ...]:
    """Returns what a function raises, or what making a value does."""
    if isinstance(error_reach._places()[place], ast.FunctionDef):
        return error_reach._raised_in(place)
    made = Place(place.module, f"{place.name}.__post_init__")
    return error_reach._raised_in(made) if made in error_reach._places() else ()


@cache
def _next_to(place: Place) -> tuple[Place, ...]:
    node = error_reach._places()[place]
    within = tuple(error_reach._named_in(place))
    if isinstance(node, ast.FunctionDef):
        return within
    # What a method of a value names is reached where that method is called.
    made = Place(place.module, f"{place.name}.__post_init__")
    return (made,) if made in error_reach._places() else ()


def _reached(starts: Iterable[Place]) -> set[Place]:
    left, seen = list(starts), set[Place]()
    while left:
        place = left.pop()
        if place not in seen and not place.module.startswith(WORDS):
            seen.add(place)
            left += _next_to(place)
    return seen


def _named_by(route: Route) -> Iterator[Place]:
    """Yields what a handler names: it is defined within a function, whose names it sees."""
    handler: Any = inspect.unwrap(route.handler)
    module = inspect.getmodule(handler)
    assert module is not None, "a handler has a module"
    node = _node(handler, inspect.getsource(module))
    here = {**inspect.getclosurevars(handler).nonlocals, **error_reach._imported_in(node)}
    for each in ast.walk(node):
        if isinstance(each, ast.Name | ast.Attribute):
            named = error_reach._place_of(error_reach._value(module, here, each))
            if named is not None:
                yield named
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute):
            yield from error_reach._methods().get(each.func.attr, ())


def _node(handler: Any, source: str) -> ast.FunctionDef:
    first = handler.__code__.co_firstlineno
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            lines = (node.lineno, *(each.lineno for each in node.decorator_list))
            if min(lines) == first:
                return node
    raise AssertionError(f"{handler.__name__} is not in its module")


if __name__ == "__main__":
    FILE.write_text(written(), "utf-8")
