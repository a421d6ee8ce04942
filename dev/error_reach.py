"""Finds the errors that the code behind a Lambda function's pages can raise.

It follows names through the sources: a function that is called or passed on, a class that is read
or built. What a value's own method raises counts wherever a method of that name is called. Ports
are not followed: an outage can be everywhere.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import NamedTuple

from dev.error_reasons import Raised, modules, raised

BEHIND_PORTS = ("billing.gateways", "billing.storage", "billing.aws", "billing.runtime")
NO_PAGES = ("billing.api", *BEHIND_PORTS)
"""Packages whose methods no page calls by name."""


class Place(NamedTuple):
    """A function or class in the sources, by its module and qualified name."""

    module: str
    name: str


@cache
def reached_by(function: str) -> tuple[Raised, ...]:
    """Lists the errors that the routes of a function's module can raise."""
    module = f"functions.{function}.app"
    # A route's module that is named by text is loaded when it is first asked for.
    later = {f"billing.console.web.{name}" for name in _named_later(module)}
    left = [
        place
        for place in _places()
        if (place.module == module and place.name != "sweep")
        or (place.module in later and place.name.startswith("declare"))
    ]
    seen: set[Place] = set()
    while left:
        place = left.pop()
        if place not in seen:
            seen.add(place)
            left += _named_in(place)
    return tuple(each for place in sorted(seen) for each in _raised_in(place))


def _named_later(module: str) -> set[str]:
    """Returns the names of modules that a function's `_of` loads."""
    tree = ast.parse(inspect.getsource(import_module(module)))
    return {
        argument.value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "_of"
        for argument in call.args[:1]
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }


@cache
def _places() -> dict[Place, ast.FunctionDef | ast.ClassDef]:
    found: dict[Place, ast.FunctionDef | ast.ClassDef] = {}
    for name in modules():
        found |= dict(_below(name, ast.parse(inspect.getsource(import_module(name))), ""))
    return found


def _below(
    module: str, node: ast.AST, prefix: str
) -> Iterator[tuple[Place, ast.FunctionDef | ast.ClassDef]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            yield Place(module, prefix + child.name), child
        if isinstance(child, ast.ClassDef):
            yield from _below(module, child, f"{prefix}{child.name}.")


@cache
def _raised_in(place: Place) -> tuple[Raised, ...]:
    node = _places()[place]
    last = node.end_lineno or node.lineno
    inside = (each for each in raised() if each.module == place.module)
    return tuple(each for each in inside if node.lineno <= each.line <= last)


@cache
def _methods() -> dict[str, list[Place]]:
    """Maps names to the methods of values that raise errors themselves."""
    found: dict[str, list[Place]] = {}
    for place in _places():
        owner, _, name = place.name.rpartition(".")
        if owner and _raised_in(place) and not place.module.startswith(NO_PAGES):
            found.setdefault(name, []).append(place)
    return found


def _named_in(place: Place) -> Iterator[Place]:
    """Lists the functions and classes that a place names, and the methods that it may call."""
    module, node = import_module(place.module), _places()[place]
    here = _imported_in(node)
    for each in ast.walk(node):
        if isinstance(each, ast.Name | ast.Attribute):
            named = _place_of(_value(module, here, each))
            if named is not None:
                yield named
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute):
            yield from _methods().get(each.func.attr, ())


def _imported_in(node: ast.AST) -> dict[str, object]:
    """Returns what is imported inside a function, by its name there."""
    found: dict[str, object] = {}
    for each in ast.walk(node):
        if isinstance(each, ast.ImportFrom) and each.module:
            for alias in each.names:
                within = f"{each.module}.{alias.name}"
                found[alias.asname or alias.name] = (
                    import_module(within)
                    if within in modules()
                    else getattr(import_module(each.module), alias.name)
                )
    return found


def _value(module: ModuleType, here: dict[str, object], name: ast.expr) -> object:
    if isinstance(name, ast.Name):
        return here.get(name.id, getattr(module, name.id, None))
    if isinstance(name, ast.Attribute):
        owner = _value(module, here, name.value)
        return None if owner is None else getattr(owner, name.attr, None)
    return None


def _place_of(value: object) -> Place | None:
    """Returns the place of a function or class of ours that a port does not stand before."""
    if not callable(value):
        return None
    value = inspect.unwrap(value)
    place = Place(getattr(value, "__module__", "") or "", getattr(value, "__qualname__", ""))
    ours = place in _places() and not place.module.startswith(BEHIND_PORTS)
    return place if ours else None
