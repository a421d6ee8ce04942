"""Page data for asking for a payment method, in the way that its gateway needs (C-1)."""

from __future__ import annotations

from typing import Any

from billing.kernel.gateways import Collection, Element, TestCards

GIVEN_THERE = "given_there"
"""Placeholder for the payment method while a form is checked whose buyer gives it elsewhere."""


def card_fields(collection: Collection) -> dict[str, Any]:
    """Returns test cards to choose from, or the key of the gateway's frame, or neither.

    With neither the gateway has a page of its own.
    """
    return {
        "payment_methods": collection.tokens if isinstance(collection, TestCards) else (),
        "publishable_key": (
            collection.publishable_key if isinstance(collection, Element) else None
        ),
    }
