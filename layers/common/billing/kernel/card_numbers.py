"""Finds and masks card numbers that somebody typed into free text.

The last four digits stay, as they may wherever a card is shown (PCI DSS 4.0, 3.4.1).
"""

from __future__ import annotations

import re

from billing.kernel.values import Value

LONGEST, SHORTEST = 19, 13
"""Number of digits of a payment card number (ISO/IEC 7812)."""

LENGTHS = range(SHORTEST, LONGEST + 1)
SHOWN = 4
MASK = "•"

_RUN = re.compile(rf"\d(?:[ \t\u00a0\u2007\u2009\u202f./_-]{{0,2}}\d){{{SHORTEST - 1},}}")
"""Matches digits with at most two separators between any two of them: a possible card number."""


class Masked(Value):
    """A text without card numbers; `found` is how many were masked."""

    text: str
    found: int


def masked(text: str) -> Masked:
    """Returns the text with all but the last four digits of each card number masked."""
    found = 0

    def hide(run: re.Match[str]) -> str:
        nonlocal found
        hidden, numbers = _hidden(run[0])
        found += numbers
        return hidden

    return Masked(_RUN.sub(hide, text), found)


def passes_luhn(digits: str) -> bool:
    """Checks the Luhn check digit (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _hidden(run: str) -> tuple[str, int]:
    """Masks every sequence of digits that may be a card number.

    Overlapping sequences are masked too, since there is no telling which of them is the card
    number.
    """
    places = [place for place, symbol in enumerate(run) if symbol.isdigit()]
    digits = "".join(run[place] for place in places)
    symbols, found, reached = list(run), 0, 0
    for start in range(len(digits) - SHORTEST + 1):
        lengths = [each for each in LENGTHS if _is_card(digits[start : start + each], each)]
        for place in {place for each in lengths for place in range(start, start + each - SHOWN)}:
            symbols[places[place]] = MASK
        if lengths:
            found += start >= reached
            reached = max(reached, start + max(lengths))
    return "".join(symbols), found


def _is_card(digits: str, length: int) -> bool:
    """Checks the length and the Luhn digit of a possible card number.

    One digit repeated passes the Luhn check but is no card number.
    """
    return len(digits) == length and len(set(digits)) > 1 and passes_luhn(digits)
