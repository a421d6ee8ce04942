"""Converts dataclasses to and from DynamoDB attribute values, by their type hints.

None is left out (unless the default is another value), and so is a plain value that is its field's
default: that is a seventh of an invoice's bytes and of what botocore takes for it. Unknown stored
fields are ignored, and missing known fields take their default, so that two versions of the code
can work on one table; a default may therefore never change. A field in `said` (those that the
item's key implies) is left out where it has the same value. A class's hints are read once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cache, partial
from types import NoneType, UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

from billing.storage.addresses import stamp

Attribute = dict[str, Any]
"""One attribute value in the form of DynamoDB's API: `{"S": "text"}`, `{"N": "12"}`, `{"M":
{...}}`."""


class Codec(NamedTuple):
    """The functions that write and read values of one type."""

    encode: Callable[[Any], Attribute]
    decode: Callable[[Attribute], Any]


_NOTHING: Mapping[str, Any] = {}


def encode(value: Any, said: Mapping[str, Any] = _NOTHING) -> Attribute:
    """Encodes a dataclass as a map, without the fields that are equal in `said`.

    `said` holds the fields that the item's key implies.
    """
    cls: type = type(value)
    attributes = {}
    for name, field in _fields(cls).items():
        part = getattr(value, name)
        assert part is not None or name not in said, "what is said cannot be None"
        if _is_stored(part, field) and (name not in said or part != said[name]):
            attributes[name] = field.codec.encode(part)
    return {"M": attributes}


def _is_stored(part: Any, field: _FieldCodec) -> bool:
    if part is None:
        return field.stores_none
    return part != field.default or is_dataclass(part)


def decode(cls: type, attribute: Attribute, said: Mapping[str, Any] = _NOTHING) -> Any:
    """Decodes a dataclass from a map; a missing field is taken from `said`, or its default."""
    stored, arguments = attribute["M"], dict(said)
    for name, field in _fields(cls).items():
        part = stored.get(name)
        if part is not None:
            arguments[name] = field.codec.decode(part)
        elif field.fallback and name not in said:
            arguments[name] = None
    return cls(**arguments)


def encode_field(cls: type, name: str, value: Any) -> Attribute:
    """Encodes the value of one field; it must not be None."""
    return _fields(cls)[name].codec.encode(value)


def is_default(cls: type, name: str, value: Any) -> bool:
    """True if the value is the field's default, so that an item without this attribute has it."""
    default = _fields(cls)[name].default
    return default is not MISSING and bool(default == value)


def stores_none(cls: type, name: str) -> bool:
    """True if None is stored, because a missing attribute would be read as another default."""
    return _fields(cls)[name].stores_none


class _FieldCodec(NamedTuple):
    codec: Codec
    default: Any
    fallback: bool
    """True if a missing attribute must be decoded as None here, as the field has no default of its
    own."""
    stores_none: bool


@cache
def _fields(cls: type) -> dict[str, _FieldCodec]:
    hints = get_type_hints(cls)
    return {f.name: _field_codec(f, hints[f.name]) for f in fields(cls)}


def _field_codec(field: Field[Any], hint: Any) -> _FieldCodec:
    default = field.default if field.default_factory is MISSING else field.default_factory()
    optional = NoneType in get_args(hint)
    has_own = default is not MISSING
    stores_none = optional and has_own and default is not None
    return _FieldCodec(
        _or_none(codec_of(hint)) if stores_none else codec_of(hint),
        default if has_own or not optional else None,
        optional and not has_own,
        stores_none,
    )


def _or_none(inner: Codec) -> Codec:
    return Codec(
        lambda value: {"NULL": True} if value is None else inner.encode(value),
        lambda attribute: None if "NULL" in attribute else inner.decode(attribute),
    )


@cache
def codec_of(hint: Any) -> Codec:
    """Returns the codec of a type hint; raises `TypeError` for a type that cannot be stored."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        (inner,) = (arg for arg in get_args(hint) if arg is not NoneType)
        return codec_of(inner)
    if origin is tuple:
        return _tuple_codec(hint)
    if isinstance(hint, type):
        if is_dataclass(hint):
            return Codec(encode, partial(decode, hint))
        if issubclass(hint, StrEnum):
            return Codec(lambda v: {"S": v.value}, lambda a: hint(a["S"]))
        if hint in _PLAIN:
            return _PLAIN[hint]
    raise TypeError(f"no way to store {hint}")


def _tuple_codec(hint: Any) -> Codec:
    element, ellipsis = get_args(hint)
    assert ellipsis is ..., "only tuples of one type and any length are stored"
    inner = codec_of(element)
    return Codec(
        lambda values: {"L": [inner.encode(v) for v in values]},
        lambda a: tuple(inner.decode(v) for v in a["L"]),
    )


def _encode_datetime(value: datetime) -> Attribute:
    """Encodes aware instants as UTC with a Z; wall time (`Anchor.wall`) without."""
    if value.tzinfo is None:
        return {"S": value.isoformat(timespec="microseconds")}
    return {"S": stamp(value)}


_PLAIN: dict[type, Codec] = {
    str: Codec(lambda v: {"S": v}, lambda a: a["S"]),
    int: Codec(lambda v: {"N": str(v)}, lambda a: int(a["N"])),
    bool: Codec(lambda v: {"BOOL": v}, lambda a: a["BOOL"]),
    datetime: Codec(_encode_datetime, lambda a: datetime.fromisoformat(a["S"])),
    date: Codec(lambda v: {"S": v.isoformat()}, lambda a: date.fromisoformat(a["S"])),
}
