"""Form-encoded parameters, and the checks that they must pass before anything is begun."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from dev.stripe.errors import StripeError, invalid

Check = Callable[[Any, str], Any]
Fields = Mapping[str, Check]

_MOST_METADATA = 50
_MOST_DEPTH = 8
_LONGEST_EMAIL = 512
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_URL = re.compile(r"https?://[^\s/]+\S*")


def decode(text: str) -> dict[str, Any]:
    """Returns `a[b]=1&c[0]=2&d[]=3` as nested objects and lists."""
    root: dict[str, Any] = {}
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict")
    except ValueError as error:
        raise invalid("Invalid request: the parameters are not UTF-8.") from error
    for name, value in pairs:
        _place(root, _path(name), value)
    return {name: _listed(value) for name, value in root.items()}


def _path(name: str) -> list[str]:
    head, *rest = name.split("[")
    if not head or len(rest) > _MOST_DEPTH or any(not part.endswith("]") for part in rest):
        raise invalid(f"Invalid parameter name: {name}", name)
    return [head, *(part[:-1] for part in rest)]


def _place(root: dict[str, Any], path: list[str], value: str) -> None:
    node = root
    for part in path[:-1]:
        node = node.setdefault(part or str(len(node)), {})
        if not isinstance(node, dict):
            raise invalid(f"Invalid parameter: {path[0]} is both a value and a hash", path[0])
    node[path[-1] or str(len(node))] = value


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {key: _listed(each) for key, each in value.items()}
    if inner and all(key.isdigit() for key in inner):
        return [inner[key] for key in sorted(inner, key=int)]
    return inner


def read(params: Mapping[str, Any], fields: Fields, required: Iterable[str] = ()) -> dict[str, Any]:
    """Returns the parameters as values; refuses unknown or malformed ones by name."""
    for name in params:
        if name not in fields:
            raise invalid(
                f"Received unknown parameter: {name} (or one that the loopback does not know)",
                name,
                "parameter_unknown",
            )
    for name in required:
        if params.get(name, "") == "":
            raise invalid(f"Missing required param: {name}.", name, "parameter_missing")
    return {name: fields[name](value, name) for name, value in params.items()}


def text(value: Any, name: str) -> str | None:
    """Reads a text; an empty one unsets."""
    if not isinstance(value, str):
        raise invalid(f"Invalid string: {name}", name)
    if len(value) > 5000:
        raise invalid(f"Invalid string: {name} is too long", name, "parameter_invalid_string")
    return value or None


def integer(value: Any, name: str) -> int:
    if not isinstance(value, str) or not value.lstrip("-").isascii():
        raise invalid(f"Invalid integer: {value}", name, "parameter_invalid_integer")
    if not value.lstrip("-").isdigit() or len(value) > 15:
        raise invalid(f"Invalid integer: {value}", name, "parameter_invalid_integer")
    return int(value)


def boolean(value: Any, name: str) -> bool:
    if value not in ("true", "false"):
        raise invalid(f"Invalid boolean: {value}", name)
    return bool(value == "true")


def hash_of(fields: Fields) -> Check:
    """Reads another set of parameters in brackets."""

    def check(value: Any, name: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise invalid("Invalid object", name)
        try:
            return read(value, fields)
        except StripeError as error:
            param = f"{name}[{error.fields.get('param')}]"
            raise invalid(str(error), param, error.fields.get("code")) from error

    return check


def anything(value: Any, name: str) -> Any:
    """Accepts anything; it has no effect here."""
    return value


def texts(value: Any, name: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise invalid("Invalid array", name)
    return value


def one_of(*allowed: str) -> Check:
    def check(value: Any, name: str) -> str:
        if value not in allowed:
            raise invalid(f"Invalid {name}: must be one of {', '.join(allowed)}", name)
        return str(value)

    return check


def metadata(value: Any, name: str) -> dict[str, str | None]:
    """Reads names and texts; an empty text removes its name, an empty `metadata` removes all."""
    if value == "":
        return {}
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise invalid("Invalid metadata: a hash of strings", name)
    if len(value) > _MOST_METADATA:
        raise invalid("You can have up to 50 metadata keys.", name)
    for key, each in value.items():
        if len(key) > 40 or len(each) > 500:
            raise invalid("Metadata keys have at most 40 characters, and values at most 500.", name)
    return {key: each or None for key, each in value.items()}


def merged(old: Mapping[str, str], new: Mapping[str, str | None] | None) -> dict[str, str]:
    """Returns metadata after an update."""
    if new == {}:
        return {}
    both = {**old, **(new or {})}
    kept = {key: value for key, value in both.items() if value is not None}
    if len(kept) > _MOST_METADATA:
        raise invalid("You can have up to 50 metadata keys.", "metadata")
    return kept


def email(value: Any, name: str) -> str | None:
    """Reads an email address; an empty text unsets."""
    given = text(value, name)
    if given is not None and (not _EMAIL.fullmatch(given) or len(given) > _LONGEST_EMAIL):
        raise invalid(f"Invalid email address: {given}", name, "email_invalid")
    return given


def web_address(value: Any, name: str) -> str | None:
    """Reads an absolute URL, which a bank or a page of Stripe's leads back to."""
    given = text(value, name)
    if given is not None and not _URL.fullmatch(given):
        raise invalid("Not a valid URL", name, "url_invalid")
    return given
