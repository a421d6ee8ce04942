"""Pages of lists: of a list read whole, and of a list read page by page and filtered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from billing.kernel.errors import Invalid
from billing.kernel.lists import Page

T = TypeVar("T")

READS_AT_MOST = 20
"""The most reads for one page, however rare the matching entries are; the page may then be
short."""


def part(
    entries: Sequence[T], id_of: Callable[[T], str], *, limit: int, cursor: str | None
) -> Page[T]:
    """Returns up to `limit` entries of a whole list, after the one that `cursor` names.

    Raises `Invalid` for a cursor of another list.
    """
    start = 0
    if cursor is not None:
        places = {id_of(entry): place for place, entry in enumerate(entries)}
        if cursor not in places:
            raise _not_of_this_list()
        start = places[cursor] + 1
    shown = tuple(entries[start : start + limit])
    more = start + limit < len(entries)
    return Page(shown, id_of(shown[-1]) if more else None)


def pages(
    page_at: Callable[[str | None], Page[T]], *, at_most: int | None = None
) -> Iterator[Page[T]]:
    """Yields the pages of a list in order, to its end or `at_most` so many."""
    cursor: str | None = None
    read = 0
    while at_most is None or read < at_most:
        page = page_at(cursor)
        yield page
        read, cursor = read + 1, page.next
        if cursor is None:
            return


def entries(
    page_at: Callable[[str | None], Page[T]], id_of: Callable[[T], str], *, after: str
) -> Iterator[tuple[T, str]]:
    """Yields the entries of a long list after a place, each with the place after it.

    A place is `<cursor of a page>~<id in it>`, empty for the beginning. If that entry is gone, its
    page is read from its beginning.
    """
    at, _, seen = after.partition("~")
    while True:
        page = page_at(at or None)
        ids = [id_of(entry) for entry in page.data]
        start = ids.index(seen) + 1 if seen in ids else 0
        for entry, name in zip(page.data[start:], ids[start:], strict=True):
            yield entry, f"{at}~{name}"
        if page.next is None:
            return
        at, seen = page.next, ""


def filtered(
    page_at: Callable[[str | None], Page[T]],
    takes: Callable[[T], bool],
    id_of: Callable[[T], str],
    *,
    limit: int,
    cursor: str | None,
) -> Page[T]:
    """Reads pages of a long list until a page of matching entries is full.

    The cursor names the page read last and the last entry shown from it, if any: `<cursor>~<id>`.
    Raises `Invalid` for a cursor of another list.
    """
    at, _, seen = (cursor or "").partition("~")
    shown: list[T] = []
    for _ in range(READS_AT_MOST):
        page, last = page_at(at or None), ""
        for entry in page.data:
            if seen:
                seen = "" if id_of(entry) == seen else seen
            elif takes(entry):
                if len(shown) == limit:
                    return Page(tuple(shown), f"{at}~{last}")
                shown.append(entry)
                last = id_of(entry)
        if page.next is None:
            if seen:
                raise _not_of_this_list()
            return Page(tuple(shown), None)
        at = page.next
    return Page(tuple(shown), f"{at}~{seen}")


def _not_of_this_list() -> Invalid:
    return Invalid("cursor_unknown", field="cursor")
