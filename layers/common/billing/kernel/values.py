"""Values: frozen classes that are equal when they hold the same.

A value is a `msgspec.Struct`: making its class takes 30 us, a frozen dataclass 1,300; `replace` 0.2
instead of 4. No field can be left out of `repr`, so a class with a secret writes its own.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, dataclass_transform

from msgspec import NODEFAULT, DecodeError, Struct, field, json, to_builtins
from msgspec.structs import FieldInfo, fields

if TYPE_CHECKING:  # mypy checks the arguments of this one, and runs it for values too
    from dataclasses import replace
else:
    from msgspec.structs import replace

__all__ = [
    "NODEFAULT",
    "FieldInfo",
    "Value",
    "field",
    "fields",
    "from_json",
    "names",
    "plain",
    "replace",
    "shown_without",
    "to_json",
]


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class Value(Struct, frozen=True):
    """A frozen class that is compared by its fields; `__post_init__` may check them."""


V = TypeVar("V", bound=Value)


def names(value: Value | type[Value]) -> tuple[str, ...]:
    """Returns the names of the fields of a value or its class, in order."""
    return value.__struct_fields__


def plain(value: Value) -> dict[str, Any]:
    """Returns a value's fields as JSON holds them, at any depth; instants stay as they are."""
    return dict(to_builtins(value, builtin_types=(datetime,)))


def to_json(value: Value) -> bytes:
    """Returns a value as JSON, from which `from_json` makes an equal one."""
    return json.encode(value)


def from_json(text: bytes, of: type[V]) -> V | None:
    """Returns a value of a class from JSON; None for JSON in another form."""
    try:
        return json.decode(text, type=of)
    except DecodeError:
        return None


def shown_without(value: Value, *secret: str) -> str:
    """Returns the `repr` of a value without the named fields."""
    shown = (f"{name}={getattr(value, name)!r}" for name in names(value) if name not in secret)
    return f"{type(value).__name__}({', '.join(shown)})"
