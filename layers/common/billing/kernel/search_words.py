"""Words of names and emails as a search compares them: without case, accents and punctuation."""

from __future__ import annotations

import re
from collections.abc import Iterable
from unicodedata import combining, normalize

from billing.kernel.values import Value

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


class Search(Value):
    """A search as it was typed: `first` is looked up, `parts` must all be there.

    A part is the beginning of a word, or with an @ that of an email.
    """

    first: str
    parts: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> Search | None:
        """Reads what was typed; None if no word of it has two letters.

        What is looked up is of the part before an @, or else the longest: it has the fewest rows.
        """
        typed = text.split()
        emails = [part for part in typed if "@" in part.strip("@")]
        beginnings = [word for part in typed if part not in emails for word in split(part)]
        local = [word for part in emails for word in split(part.partition("@")[0])]
        candidates = [word for word in local if len(word) >= LEAST] or [
            *beginnings,
            *(word for part in emails for word in split(part)),
        ]
        first = max(candidates, key=len, default="")
        return cls(first, (*map(folded, emails), *beginnings)) if len(first) >= LEAST else None

    def finds(self, name: str, email: str) -> bool:
        """Tests whether a customer with this name and email is searched for."""
        known, address = words(name, email), folded(email)
        return all(
            address.startswith(part)
            if "@" in part
            else any(word.startswith(part) for word in known)
            for part in self.parts
        )

    def row(self, name: str, email: str) -> str | None:
        """Returns the one word of a customer under which they are shown, None if none begins so.

        Two words of theirs may begin so.
        """
        found = (word for word in indexed(name, email) if word.startswith(self.first))
        return min(found, default=None)


def folded(text: str) -> str:
    """Returns text in lower case and without accents."""
    parts = normalize("NFKD", text.casefold())
    plain = "".join(c for c in parts if not combining(c))
    return normalize("NFKC", plain).casefold().translate(_WITHOUT_ACCENT)


def split(text: str) -> list[str]:
    """Returns the words of a text, folded; an apostrophe is within a word."""
    found = _BETWEEN.split(_WITHIN.sub("", folded(text)))
    return [word[:LONGEST] for word in found if word]


def words(name: str, email: str) -> frozenset[str]:
    """Returns all words of a customer's name and email."""
    return frozenset((*split(name), *split(email)))


def indexed(name: str, email: str) -> frozenset[str]:
    """Returns the words that rows are kept of.

    Left out are those that another one begins with, and of too many rather those of the name.
    """
    known = sorted(word for word in words(name, email) if len(word) >= LEAST)
    kept = _without_beginnings(known)
    of_email = frozenset(split(email))
    return frozenset(sorted(kept, key=lambda word: word not in of_email)[:MOST])


def _without_beginnings(known: Iterable[str]) -> list[str]:
    """Returns sorted words without those that the following one begins with."""
    kept: list[str] = []
    for word in known:
        if kept and word.startswith(kept[-1]):
            kept.pop()
        kept.append(word)
    return kept
