"""Reads items and lists stored values by the code of one release; run as a script beside it.

The release is what `billing` is on the path: an archive of tests/storage/releases, or this tree. It
imports nothing else of the tests, so that it can run in any of them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, get_args, get_type_hints

from billing.storage.dynamo import items, writes
from billing.storage.entity_classes import ENTITIES, class_of

entity_of: Any = getattr(items, "entity_of", None) or vars(writes)["entity_of"]
item_of: Any = writes.item_of


def stored_values() -> dict[str, list[str]]:
    """Returns `Type.field.field` -> the values that are stored there, of each field with a choice;
    an empty list for fields of any other kind."""
    found: dict[str, list[str]] = {}
    for name in ENTITIES:
        found |= dict(_values(class_of(name), name, ()))
    return found


def _values(cls: Any, path: str, above: tuple[Any, ...]) -> Iterator[tuple[str, list[str]]]:
    hints = get_type_hints(cls)
    for name in _fields(cls):
        inside = f"{path}.{name}"
        kinds = list(_parts(hints[name]))
        yield inside, sorted(str(member.value) for kind in kinds for member in _members(kind))
        for kind in kinds:
            if _fields(kind) and kind not in above:
                yield from _values(kind, inside, (*above, cls))


def _fields(kind: Any) -> tuple[str, ...]:
    """Returns the names of a value's fields; older releases have dataclasses as values."""
    if is_dataclass(kind):
        return tuple(field.name for field in fields(kind))
    return tuple(getattr(kind, "__struct_fields__", ()))


def _parts(hint: Any) -> Iterator[Any]:
    yield hint
    for argument in get_args(hint):
        yield from _parts(argument)


def _members(kind: Any) -> list[Any]:
    return list(kind) if isinstance(kind, type) and issubclass(kind, Enum) else []


def read(item: dict[str, Any]) -> dict[str, Any]:
    """Returns what this release makes of an item: unknown, an error, or its body written again."""
    try:
        entity = entity_of(item)
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    if entity is None:
        return {"unknown": item["type"]["S"]}
    return {"body": item_of(entity, "again")["body"]}


if __name__ == "__main__":
    if sys.argv[1] == "values":
        json.dump(stored_values(), sys.stdout)
    else:
        json.dump([read(item) for item in json.load(sys.stdin)], sys.stdout)
