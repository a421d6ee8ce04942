"""Orders: the entries of the transaction list, and their ids (M-1)."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from zlib import crc32

from billing.kernel.hand_off import HandOff
from billing.kernel.money import Money
from billing.kernel.values import Value
from billing.kernel.writes import Entity


class OrderKind(StrEnum):
    """Kinds of entry in the transaction list (SPEC.md, words)."""

    SALE = "sale"
    REBILL = "rebill"
    FAILED = "failed"
    REFUND = "refund"
    CANCEL_REQUEST = "cancel_request"
    CANCELLATION = "cancellation"
    CHARGEBACK = "chargeback"


PAYMENTS = frozenset({OrderKind.SALE, OrderKind.REBILL})
"""The kinds that are a payment: they brought money, have an invoice, and can be refunded."""


class Returned(Value):
    """A refund's effect on credit, and what was left of its payment.

    All in minor units, at the time of the request: `credit_minor` was taken out of the
    subscription's credit, `left_minor` could still be refunded, `used_minor` of that had paid for
    other periods as credit, so that a customer cannot take it back (B-7).
    """

    credit_minor: int
    left_minor: int
    used_minor: int


class Order(Entity):
    """One entry of the transaction list, with its own Order ID.

    Entries of a cancellation carry who asked, why, and when it ends. `withdrawn` marks a
    cancellation request that was undone (X-2, X-7), and a refund that came back, with the reason in
    `code`. `refund` holds a refund's effect on credit (B-7), `refund_id` the id of that refund,
    `tax_minor` how much of a chargeback is tax, whatever became of it (W-4); entries from before
    these were kept have none.

    `customer` is None for a failed purchase, whose buyer is unproven (C-4); `attempt_key` names the
    checkout it is stored with, and for a checkout's order the form it came from. `email` is the one
    its invoice was issued with; mail to the customer goes to their current one (B-12). `in_list` is
    the one of its merchant's lists of orders that it is in. `hand_off` is what the merchant's
    program said of the purchase.
    """

    id: str
    merchant: str
    customer: str | None
    kind: OrderKind
    at: datetime
    amount: Money
    product: str
    product_name: str
    price_point: str
    subscription: str | None = None
    invoice: str | None = None
    refunded_minor: int = 0
    attempt_key: str | None = None
    code: str | None = None
    email: str | None = None
    source: str | None = None
    reason: str | None = None
    comment: str | None = None
    ends_at: datetime | None = None
    withdrawn: bool = False
    test: bool = False
    refund: Returned | None = None
    refund_id: str | None = None
    tax_minor: int | None = None
    in_list: int = 0
    hand_off: HandOff | None = None


def list_of(order_id: str, lists: int) -> int:
    """Returns the list of its merchant's that a new order goes to, spread by its Order ID."""
    return crc32(order_id.encode()) % lists


ORDER_ID_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Thirty symbols that are not mistaken for one another; 14 of them are 68 bits (ASVS 6.6.3)."""

ORDER_ID_RANDOM_SYMBOLS = 14


def order_id(entropy: int) -> str:
    """Returns an Order ID such as K7M2Q-9XTRV-4H3P4: 14 symbols from `entropy` and a check symbol.

    `entropy` has 68 bits or more.
    """
    symbols = _symbols(entropy)
    while (check := _check_symbol(symbols)) is None:
        entropy += 1
        symbols = _symbols(entropy)
    return _grouped(symbols + check)


_GROUP = f"[{ORDER_ID_ALPHABET}]{{5}}"
_AMONG_WORDS = re.compile(rf"\b(?=({_GROUP}\W{{0,3}}{_GROUP}\W{{0,3}}{_GROUP})\b)")
"""Matches an Order ID in a sentence; a match may begin inside another, for words look alike."""


def typed_order_id(text: str) -> str | None:
    """Normalises an Order ID that a person typed or pasted, with the words around it or without;
    None if it is mistyped."""
    upper = text.upper()
    candidates = (upper, *(found[1] for found in _AMONG_WORDS.finditer(upper)))
    return next(filter(None, map(_order_id_of, candidates)), None)


def _order_id_of(text: str) -> str | None:
    symbols = "".join(c for c in text if c.isalnum())
    if len(symbols) != ORDER_ID_RANDOM_SYMBOLS + 1:
        return None
    if not all(c in ORDER_ID_ALPHABET for c in symbols):
        return None
    return _grouped(symbols) if _check_symbol(symbols[:-1]) == symbols[-1] else None


def _symbols(entropy: int) -> str:
    symbols = []
    for _ in range(ORDER_ID_RANDOM_SYMBOLS):
        entropy, index = divmod(entropy, len(ORDER_ID_ALPHABET))
        symbols.append(ORDER_ID_ALPHABET[index])
    return "".join(symbols)


def _grouped(symbols: str) -> str:
    return "-".join(symbols[i : i + 5] for i in range(0, len(symbols), 5))


def _check_symbol(symbols: str) -> str | None:
    """Returns the check symbol of 14 symbols; None for the few whose residue has no symbol.

    Those are not issued. Weights below a prime modulus catch every single mistyped symbol and every
    swap of neighbours.
    """
    residue = sum((i + 1) * ORDER_ID_ALPHABET.index(c) for i, c in enumerate(symbols)) % 31
    return ORDER_ID_ALPHABET[residue] if residue < len(ORDER_ID_ALPHABET) else None


NUMBER_DIGITS = 6


_SERIES = {
    (False, False): "INV",
    (True, False): "TEST",
    (False, True): "CN",
    (True, True): "TEST-CN",
}
