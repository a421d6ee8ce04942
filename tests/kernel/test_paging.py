"""Walking a list that is longer than one read, filtered: every entry once, however it is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.errors import Invalid
from billing.kernel.flows.paging import filtered, pages
from billing.kernel.lists import Page


class Shelf:
    """A list that is read a few at a time, as the store's are: the cursor is a place in it."""

    def __init__(self, entries: list[str], at_once: int) -> None:
        self.entries, self.at_once, self.reads = entries, at_once, 0

    def __call__(self, cursor: str | None) -> Page[str]:
        self.reads += 1
        start = int(cursor or 0)
        end = start + self.at_once
        following = str(end) if end < len(self.entries) else None
        return Page(tuple(self.entries[start:end]), following)


def wanted(entry: str) -> bool:
    return entry.startswith("w")


def walk(shelf: Shelf, limit: int) -> list[str]:
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = filtered(shelf, wanted, str, limit=limit, cursor=cursor)
        assert len(page.data) <= limit
        found += page.data
        if page.next is None:
            return found
        assert page.next != cursor, "it gets on"
        cursor = page.next


@given(
    kinds=st.lists(st.sampled_from("wx"), max_size=60),
    at_once=st.integers(1, 7),
    limit=st.integers(1, 9),
)
def test_each_wanted_entry_comes_once_and_in_order(
    kinds: list[str], at_once: int, limit: int
) -> None:
    entries = [f"{kind}{n}" for n, kind in enumerate(kinds)]
    assert walk(Shelf(entries, at_once), limit) == [e for e in entries if wanted(e)]


def test_a_page_may_be_short_but_never_costs_more_than_it_may() -> None:
    shelf = Shelf([f"x{n}" for n in range(1000)] + ["w"], 1)
    page = filtered(shelf, wanted, str, limit=1, cursor=None)
    assert (page.data, shelf.reads) == ((), 20)
    assert walk(shelf, 1) == ["w"]


def test_what_came_in_front_meanwhile_moves_nothing() -> None:
    entries = ["w1", "w2", "w3"]
    first = filtered(Shelf(entries, 2), wanted, str, limit=1, cursor=None)
    grown = Shelf([*(f"w-new{n}" for n in range(50)), *entries], 2)
    found: list[str] = []
    cursor = first.next
    while cursor is not None:
        page = filtered(grown, wanted, str, limit=1, cursor=cursor)
        found += page.data
        cursor = page.next
    assert found == ["w2", "w3"]


def test_a_cursor_that_names_none_of_its_entries_is_refused() -> None:
    with pytest.raises(Invalid):
        filtered(Shelf(["w1", "w2"], 2), wanted, str, limit=1, cursor="~w9")


def test_pages_are_read_to_the_end_or_as_many_as_may_be() -> None:
    entries = [str(n) for n in range(10)]
    assert [e for page in pages(Shelf(entries, 3)) for e in page.data] == entries
    assert len(list(pages(Shelf(entries, 3), at_most=2))) == 2
