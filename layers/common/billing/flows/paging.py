"""Pages of a list that was read whole: the cursor is the id of the last entry shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from billing.errors import Invalid
from billing.storage import Page

T = TypeVar("T")


def part(
    entries: Sequence[T], id_of: Callable[[T], str], *, limit: int, cursor: str | None
) -> Page[T]:
    """Up to `limit` entries after the one that `cursor` names; raises `Invalid`."""
    start = 0
    if cursor is not None:
        places = {id_of(entry): place for place, entry in enumerate(entries)}
        if cursor not in places:
            raise Invalid("That is not a cursor that this list gave.", field="cursor")
        start = places[cursor] + 1
    shown = tuple(entries[start : start + limit])
    more = start + limit < len(entries)
    return Page(shown, id_of(shown[-1]) if more else None)
