"""Cursors of lists: a place in a list, bound to the list that gave it."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2s

from billing.kernel.errors import Invalid

_CHECK_BYTES = 6


def seal(position: str, *of: str) -> str:
    """Returns the cursor of a position in the list that `of` names: its merchant and its filter."""
    return urlsafe_b64encode(_check(position, of) + position.encode()).decode()


def position_in(cursor: str, *of: str) -> str:
    """Returns the position that a cursor names; raises `Invalid` for one of another list."""
    try:
        raw = urlsafe_b64decode(cursor.encode("ascii"))
        check, position = raw[:_CHECK_BYTES], raw[_CHECK_BYTES:].decode()
    except ValueError as damaged:
        raise not_of_this_list() from damaged
    if check != _check(position, of):
        raise not_of_this_list()
    return position


def not_of_this_list() -> Invalid:
    """Returns the error of a cursor that the list did not give."""
    return Invalid("cursor_unknown", field="cursor")


def _check(position: str, of: tuple[str, ...]) -> bytes:
    # Not a secret: it detects typing errors and cursors of other lists, it protects nothing. A
    # forged one only names a place in the caller's own list.
    return blake2s("\n".join((*of, position)).encode(), digest_size=_CHECK_BYTES).digest()
