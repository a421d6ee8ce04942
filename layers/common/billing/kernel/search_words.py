"""Words of names and emails as a search compares them: without case, accents and punctuation."""

from __future__ import annotations

import re
from collections.abc import Iterable
from unicodedata import combining, normalize

LEAST = 2
"""The fewest letters that a search begins with; rows are kept together by as many."""

LONGEST = 60
MOST = 20
"""The longest word that is kept, and the most of one customer: both far beyond real ones."""

_WITHOUT_ACCENT = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"}
)
"""Letters that Unicode does not take apart into a letter and its accent."""

_WITHIN = re.compile("['\u2019\u02bc]")
_BETWEEN = re.compile(r"[\W_]+")


def folded(text: str) -> str:
    """Returns text in lower case and without accents."""
    parts = normalize("NFKD", text.casefold())
    plain = "".join(c for c in parts if not combining(c))
    return normalize("NFKC", plain).casefold().translate(_WITHOUT_ACCENT)


def split(text: str) -> list[str]:
    """Returns the words of a text, folded; an apostrophe is within a word."""
    return [word for word in _BETWEEN.split(_WITHIN.sub("", folded(text))) if word]


def words(name: str, email: str) -> frozenset[str]:
    """Returns all words that a customer is found by; the whole email is one of them."""
    return frozenset(_cut([*split(name), *split(email), folded(email)]))


def indexed(name: str, email: str) -> frozenset[str]:
    """Returns the words that rows are kept of: not those that another one begins with,
    and of too many rather the email."""
    known = sorted(word for word in words(name, email) if len(word) >= LEAST)
    kept = [
        word
        for word, following in zip(known, [*known[1:], ""], strict=True)
        if not following.startswith(word)
    ]
    return frozenset(sorted(kept, key=lambda word: "@" not in word)[:MOST])


def searched(text: str) -> list[str]:
    """Returns the beginnings of words that a search asks for, the one to look up first.

    That is the one with an @, or else the longest. Empty if none has two letters.
    """
    given = [_beginnings(part) for part in text.split()]
    found = sorted(_cut(b for part in given for b in part), key=lambda b: ("@" not in b, -len(b)))
    return found if found and len(found[0]) >= LEAST else []


def finds(beginnings: Iterable[str], name: str, email: str) -> bool:
    """Tests whether each of the beginnings begins a word of a customer."""
    known = words(name, email)
    return all(any(word.startswith(b) for word in known) for b in beginnings)


def first_row(beginning: str, name: str, email: str) -> str | None:
    """Returns the one row of a customer under which a search shows them, None if none begins so.

    Two words of theirs may begin so.
    """
    return min((w for w in indexed(name, email) if w.startswith(beginning)), default=None)


def _beginnings(part: str) -> list[str]:
    return [folded(part)] if "@" in part.strip("@") else split(part)


def _cut(found: Iterable[str]) -> list[str]:
    return [word[:LONGEST] for word in found]
