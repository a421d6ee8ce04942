"""Converts values to and from DynamoDB attribute values, by their type hints.

Unknown stored fields are ignored, and a missing known field means what `absent` says, so that two
versions of the code can work on one table and a class may change its defaults. What is equal to
its meaning when absent is left out: that is a seventh of an invoice's bytes and of what botocore
takes for it. Entities that hold choices are written out instead. A field that the item's key
implies is left out where it has the same value. A class's hints are read once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from enum import StrEnum
from functools import cache, partial
from types import NoneType, UnionType
from typing import Any, NamedTuple, TypeVar, Union, get_args, get_origin

from billing.kernel.values import NODEFAULT, FieldInfo, Value, fields
from billing.storage import absent
from billing.storage.absent_state import Plain
from billing.storage.addresses import stamp

D = TypeVar("D")

Attribute = dict[str, Any]
"""One attribute value in the form of DynamoDB's API: `{"S": "text"}`, `{"N": "12"}`, `{"M":
{...}}`."""


class Codec(NamedTuple):
    """The functions that write and read values of one type."""

    encode: Callable[[Any], Attribute]
    decode: Callable[[Attribute], Any]


_NOTHING: Mapping[str, Any] = {}


def encode(value: object, implied: Mapping[str, Any] = _NOTHING) -> Attribute:
    """Encodes an entity as a map, without the fields that are equal in `implied`.

    `implied` holds the fields that the item's key implies.
    """
    return _encode(absent.is_written_out(type(value)), value, implied)


def _encode(whole: bool, value: object, implied: Mapping[str, Any] = _NOTHING) -> Attribute:
    cls: type = type(value)
    attributes = {}
    for name, field in _fields(cls, whole).items():
        part = getattr(value, name)
        assert part is not None or name not in implied, "what a key implies cannot be None"
        if _is_stored(part, field) and (name not in implied or part != implied[name]):
            attributes[name] = field.codec.encode(part)
    return {"M": attributes}


def _is_stored(part: Any, field: _FieldCodec) -> bool:
    if part is None:
        return field.stores_none
    return field.always or part != field.absent


def decode(cls: type[D], attribute: Attribute, implied: Mapping[str, Any] = _NOTHING) -> D:
    """Decodes a value from a map.

    A missing field is taken from `implied`, or means what `absent` says.
    """
    looked_up: type = cls  # mypy takes no `type[D]` for hashable
    known, absences = _reader(looked_up)
    arguments = {**absences, **implied}
    for name, part in attribute["M"].items():
        if name in known:
            arguments[name] = known[name](part)
    return cls(**arguments)


def encode_field(cls: type, name: str, value: Any, *, whole: bool = False) -> Attribute:
    """Encodes the value of one field as in an item of its class; `whole` if that is written out."""
    return _fields(cls, whole)[name].codec.encode(value)


def means_absent(cls: type, name: str, value: Any) -> bool:
    """True if an item without this attribute has the value."""
    meaning = _fields(cls, False)[name].absent
    return meaning is not NODEFAULT and bool(meaning == value)


def stores_none(cls: type, name: str) -> bool:
    """True if None is stored, because a missing attribute means another value."""
    return _fields(cls, False)[name].stores_none


class _FieldCodec(NamedTuple):
    codec: Codec
    absent: Any
    """The value that a missing attribute means; `NODEFAULT` if there must be one."""
    always: bool
    """True if any value but None is stored."""
    stores_none: bool


@cache
def _fields(cls: type, whole: bool) -> dict[str, _FieldCodec]:
    meanings = absent.meanings(cls)
    return {each.name: _field_codec(cls, each, meanings, whole) for each in fields(cls)}


@cache
def _reader(cls: type) -> tuple[dict[str, Callable[[Attribute], Any]], dict[str, Any]]:
    """Returns what decodes each field, and the values of those that an item may lack."""
    known = _fields(cls, False).items()
    absences = {name: field.absent for name, field in known if field.absent is not NODEFAULT}
    return {name: field.codec.decode for name, field in known}, absences


def _field_codec(
    cls: type, field: FieldInfo, meanings: Mapping[str, Plain], whole: bool
) -> _FieldCodec:
    codec, optional = codec_of(field.type, whole), NoneType in get_args(field.type)
    if field.name not in meanings:
        if not _is_none_or_required(field):
            raise TypeError(f"{cls.__name__}.{field.name} needs a meaning in storage/absent.py")
        meaning = None if optional else NODEFAULT
    else:
        plain = meanings[field.name]
        meaning = None if plain is None else codec.decode(_attribute(plain))
    stores_none = optional and meaning is not None
    always = whole or isinstance(meaning, Value)
    return _FieldCodec(_or_none(codec) if stores_none else codec, meaning, always, stores_none)


def _is_none_or_required(field: FieldInfo) -> bool:
    return field.default in (NODEFAULT, None) and field.default_factory is NODEFAULT


def _attribute(plain: Plain) -> Attribute:
    """Returns a plain value of the table of absences as it would be stored."""
    match plain:
        case bool():
            return {"BOOL": plain}
        case int():
            return {"N": str(plain)}
        case str():
            return {"S": plain}
        case tuple():
            return {"L": [_attribute(each) for each in plain]}
        case None:
            return {"NULL": True}
    return {"M": {name: _attribute(each) for name, each in plain.items()}}


def _or_none(inner: Codec) -> Codec:
    return Codec(
        lambda value: {"NULL": True} if value is None else inner.encode(value),
        lambda attribute: None if "NULL" in attribute else inner.decode(attribute),
    )


@cache
def codec_of(hint: Any, whole: bool = False) -> Codec:
    """Returns the codec of a type hint; raises `TypeError` for a type that cannot be stored."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        (inner,) = (arg for arg in get_args(hint) if arg is not NoneType)
        return codec_of(inner, whole)
    if origin is tuple:
        return _tuple_codec(hint)
    if isinstance(hint, type):
        if issubclass(hint, Value):
            return Codec(partial(_encode, whole), partial(decode, hint))
        if issubclass(hint, StrEnum):
            return Codec(lambda v: {"S": v.value}, lambda a: hint(a["S"]))
        if hint in _PLAIN:
            return _PLAIN[hint]
    raise TypeError(f"no way to store {hint}")


def _tuple_codec(hint: Any) -> Codec:
    """Returns the codec of a list, whose entries are never written out: it is compared whole."""
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
