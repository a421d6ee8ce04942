"""Addresses of a merchant's own site that a buyer may be shown after a purchase (C-1).

Only what the merchant has listed is ever shown, and only as a button: nobody is sent anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

LONGEST = 250
LISTED_MOST = 10
"""The most addresses; all of them together fit into one field of the console."""

_HOST = r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?"
_ADDRESS = re.compile(
    rf"(?P<origin>https://{_HOST}|http://(?:127\.0\.0\.1|localhost))(?P<port>:[0-9]{{1,5}})?"
    r"(?P<path>(?:/[A-Za-z0-9._~!$&'()*+,;=:@-]*)*)(?P<query>\?[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*)?"
)


def is_one(text: str) -> bool:
    """Tells whether a text is an address that can be listed: https, or this very machine, without
    a name to sign in, a fragment, or steps up."""
    return _read(text) is not None


def allowed(asked: str, listed: Iterable[str]) -> bool:
    """Tells whether an address is a listed one, or below one: same host, same port."""
    found = _read(asked)
    return found is not None and any(_is_below(found, _read(each)) for each in listed)


def shown(asked: str | None, listed: tuple[str, ...]) -> str | None:
    """Returns the address to show: the one that was asked for, else the first that is listed."""
    if asked is None:
        return listed[0] if listed else None
    return asked if allowed(asked, listed) else None


def _is_below(found: tuple[str, str], listed: tuple[str, str] | None) -> bool:
    if listed is None or found[0] != listed[0]:
        return False
    path, root = found[1], listed[1].rstrip("/")
    return path == root or path.startswith(root + "/")


def _read(text: str) -> tuple[str, str] | None:
    """Returns origin and path of an address, None of any other text."""
    found = _ADDRESS.fullmatch(text) if len(text) <= LONGEST else None
    if found is None or {".", ".."} & set(found["path"].split("/")) or ".." in found["origin"]:
        return None
    return found["origin"] + (found["port"] or ""), found["path"]
