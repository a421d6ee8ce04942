"""The order of words in the alphabet of each language: of CLDR's collation what names need."""

from __future__ import annotations

from unicodedata import normalize

_NORDIC = {"da": "æøå", "no": "æøå", "sv": "åäö", "fi": "åäö"}
_AFTER = {
    "es": {"ñ": ("n", 1)},
    "pl": {
        letter: (base, nth)
        for base, own in {
            "a": "ą",
            "c": "ć",
            "e": "ę",
            "l": "ł",
            "n": "ń",
            "o": "ó",
            "s": "ś",
            "z": "źż",
        }.items()
        for nth, letter in enumerate(own, 1)
    },
    "ro": {"ă": ("a", 1), "â": ("a", 2), "î": ("i", 1), "ș": ("s", 1), "ț": ("t", 1)},
    "sk": {
        "ä": ("a", 1),
        "č": ("c", 1),
        "ô": ("o", 1),
        "š": ("s", 1),
        "ž": ("z", 1),
        "\ue000": ("h", 1),
    },
    "bg": {"й": ("и", 1)},
    **{
        language: {letter: ("z", nth) for nth, letter in enumerate(own, 1)}
        for language, own in _NORDIC.items()
    },
}
"""Letters of their own by language, each with the letter that it follows and its place after it."""

_DIGRAPHS = {"sk": ("ch", "\ue000")}
"""Two letters that count as one, and the stand-in for them."""

_TAKEN_APART = str.maketrans({"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "ß": "ss", "đ": "d"})
"""Letters of other languages that Unicode does not decompose."""


def sort_key(words: str, language: str) -> tuple[object, ...]:
    """Returns a key that sorts words as readers of the language look for them.

    Accents count only between words that are otherwise alike; spaces and hyphens come
    before letters.
    """
    own = _AFTER.get(language, {})
    lower = normalize("NFC", words).casefold().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    if language in _DIGRAPHS:
        lower = lower.replace(*_DIGRAPHS[language])
    places: list[tuple[bool, str, int]] = []
    for letter in lower:
        if letter in own:
            places.append((True, *own[letter]))
            continue
        plain = normalize("NFD", letter.translate(_TAKEN_APART))
        places.extend((c.isalnum(), c, 0) for c in plain if not "\u0300" <= c <= "\u036f")
    return (tuple(places), words)
