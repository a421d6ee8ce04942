"""Finds the route of a request as an HTTP API does: the most specific one."""

from collections.abc import Iterable
from urllib.parse import unquote

from dev.stack import Route

_LITERAL, _VARIABLE, _GREEDY, _DEFAULT = range(4)


def find(routes: Iterable[Route], method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """Returns the route and its decoded path parameters; `path` as it came over the wire."""
    found = []
    for route in routes:
        if route.method in (method, "ANY"):
            parameters = _match(route.path, path)
            if parameters is not None:
                found.append((_rank(route), route, parameters))
    if not found:
        return None
    _, route, parameters = min(found, key=lambda item: item[0])
    return route, parameters


def _match(pattern: str, path: str) -> dict[str, str] | None:
    if pattern == "$default":
        return {}
    wanted, given = pattern.split("/")[1:], path.split("/")[1:]
    parameters: dict[str, str] = {}
    for position, part in enumerate(wanted):
        if _kind(part) == _GREEDY:
            rest = "/".join(given[position:])
            return {**parameters, part[1:-2]: unquote(rest)} if rest else None
        if position >= len(given):
            return None
        value = unquote(given[position])
        if _kind(part) == _LITERAL and part != value:
            return None
        if _kind(part) == _VARIABLE:
            if not value:
                return None
            parameters[part[1:-1]] = value
    return parameters if len(wanted) == len(given) else None


def _rank(route: Route) -> tuple[list[int], bool]:
    """Ranks a route: smaller is more specific; a named method goes before ANY on the same path."""
    if route.path == "$default":
        return [_DEFAULT], True
    return [_kind(part) for part in route.path.split("/")[1:]], route.method == "ANY"


def _kind(part: str) -> int:
    if part.startswith("{") and part.endswith("+}"):
        return _GREEDY
    return _VARIABLE if part.startswith("{") and part.endswith("}") else _LITERAL
