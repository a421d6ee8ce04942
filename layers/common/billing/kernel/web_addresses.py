"""Recognises web addresses in text that people type.

Whoever fills in a form may give another's email. What is typed goes out in a mail to that address,
so it must not lead anywhere.
"""

from __future__ import annotations

import re

_LINK = re.compile(r"://|\bwww\.|[^\W_][\w-]*\.[^\W\d_]{2,}[:/?#]", re.IGNORECASE)
_LINKABLE = re.compile(r"[/@\\]|\bwww\.|[^\W_]\.[^\W\d_]{2,}", re.IGNORECASE)


def is_in(text: str) -> bool:
    """Tests whether a text holds a web address; a bare host, as in a company's name, is none."""
    return _LINK.search(text) is not None


def may_become_link(text: str) -> bool:
    """Tests whether a mail program may show part of a text as a link, a bare host included."""
    return _LINKABLE.search(text) is not None
