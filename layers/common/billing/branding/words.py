"""Text that a merchant gives for pages and mails: plain, bounded, and without invisible tricks."""

from __future__ import annotations

import re
from unicodedata import category, normalize

from billing.kernel import web_addresses
from billing.kernel.errors import Invalid

SENDER_NAME_MOST = 60
FOOTER_MOST = 500
FOOTER_LINES = 4

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that turn the direction of reading, so that a text is not what it looks like."""

_INVISIBLE = frozenset({"Cc", "Zl", "Zp", "Cs", "Co", "Cn"})
_SPECIAL = re.compile(r"[<>\"\\]")


def sender_name(text: str, *, field: str = "sender_name") -> str:
    """Returns the name that mails are sent under; empty for the merchant's own."""
    name = one_line(text, SENDER_NAME_MOST, field=field)
    if web_addresses.may_become_link(name) or _SPECIAL.search(name):
        raise Invalid("sender_name_address", field=field)
    return name


def footer(text: str, *, field: str = "footer") -> str:
    """Returns the footer of pages and mails, a few lines."""
    return lines(text, FOOTER_MOST, FOOTER_LINES, field=field)


def one_line(text: str, most: int, *, field: str) -> str:
    """Returns a text of one line; raises `Invalid` for a longer one, or for line breaks, control
    characters and marks of direction."""
    found = normalize("NFC", text).strip(" ")
    if any(_is_hidden(each) for each in found):
        raise Invalid("hidden_characters", field=field)
    return _bounded(found, most, field)


def lines(text: str, most: int, at_most: int, *, field: str) -> str:
    """Returns a text of some lines; raises `Invalid` as `one_line`."""
    found = normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n").strip(" \n")
    if any(_is_hidden(each) for each in found if each != "\n"):
        raise Invalid("hidden_characters", field=field)
    if found.count("\n") >= at_most:
        raise Invalid("too_many_lines", field=field, count=at_most)
    return _bounded(found, most, field)


def _bounded(text: str, most: int, field: str) -> str:
    if len(text) > most:
        raise Invalid("too_long", field=field, count=most)
    return text


def _is_hidden(character: str) -> bool:
    return character in _BIDI or category(character) in _INVISIBLE
