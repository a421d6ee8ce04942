"""Draws unguessable ids; no other module does."""

from __future__ import annotations

from secrets import choice, randbits

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's 32 symbols: sixteen of them are 80 bits."""

SYMBOLS = 16
KEY_SYMBOLS = 32


def new_id(kind: str) -> str:
    """Returns a new id: "order" gives an Order ID, "key" a bare secret of 160 bits, else
    `<kind>_<80 bits>`."""
    if kind == "order":
        from billing.kernel.orders import order_id

        return order_id(randbits(80))
    if kind == "key":
        return _symbols(KEY_SYMBOLS)
    return f"{kind}_{_symbols(SYMBOLS)}"


def _symbols(count: int) -> str:
    return "".join(choice(ALPHABET) for _ in range(count))
