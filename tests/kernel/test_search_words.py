"""Words of names and emails are found by their beginnings, however they are written."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.kernel.search_words import LEAST, Search, indexed
from tests.depth import examples

ZOE = ("Zoë O\u2019Brien-Łukasz", "zoe.straße@Harbor-Lane.example")


@pytest.mark.spec("M-1")
@pytest.mark.parametrize(
    "typed",
    [
        "zo",
        "ZOE",
        "Zoë",
        "obr",
        "o'bri",
        "O\u2019Brien",
        "luk",
        "Łuk",
        "strasse",
        "straß",
        "harbor",
        "lane",
        "exam",
        "zoe luk",
        "luk zoe",
        "z luk",
        "zoe.straße@harb",
        "ZOE.STRASSE@HARBOR-LANE.EXAMPLE",
        "@harbor",
        "  zoe  ",
    ],
)
def test_a_customer_is_found(typed: str) -> None:
    search = Search.of(typed)
    assert search is not None and search.finds(*ZOE)
    assert search.row(*ZOE) in indexed(*ZOE)


@pytest.mark.parametrize(
    "typed", ["oe", "rien", "ukasz", "zoe smith", "zoe@x", "straße@harbor", "zoes", "annzoe"]
)
def test_a_customer_is_not_found_by_what_begins_no_word(typed: str) -> None:
    search = Search.of(typed)
    assert search is not None and not (search.row(*ZOE) and search.finds(*ZOE))


@pytest.mark.parametrize("typed", ["", "a", "a b", "-", "@@", "' '", "é", "\u0301\u0301"])
def test_less_than_two_letters_is_no_search(typed: str) -> None:
    assert Search.of(typed) is None


def test_a_word_that_another_begins_with_has_no_row_of_its_own() -> None:
    assert indexed("Ann Annette", "an@example.com") == {"annette", "example", "com"}


def test_a_very_long_name_keeps_a_bounded_number_of_rows_and_those_of_the_email() -> None:
    name = " ".join(f"{chr(97 + n // 20)}{n:03d}" for n in range(60))
    kept = indexed(name, "zed@example.com")
    assert len(kept) == 20 and {"zed", "example", "com"} <= kept


def test_an_email_is_looked_up_by_the_part_before_its_at() -> None:
    search = Search.of("ann@gmail.com")
    assert search is not None and search.first == "ann"


@settings(max_examples=examples(200))
@given(st.text(max_size=40), st.from_regex(r"[a-z.+]{1,10}@[a-z]{1,8}\.com", fullmatch=True))
def test_every_beginning_of_every_word_has_exactly_one_row(name: str, email: str) -> None:
    from billing.kernel.search_words import words

    for word in sorted(words(name, email), key=len)[:8]:
        search = Search.of(word)
        if search is None:
            continue
        assert search.finds(name, email)
        if len(words(name, email)) < 15:
            row = search.row(name, email)
            assert row is not None and row.startswith(search.first) and len(row) >= LEAST
