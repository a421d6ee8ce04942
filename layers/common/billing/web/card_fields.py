"""Page data for asking for a payment method, in the way that its gateway needs (C-1)."""

from __future__ import annotations

from typing import Any

from billing.gateways import registry
from billing.kernel.gateways import Collection, Element, TestCards

GIVEN_THERE = "given_there"
"""Placeholder for the payment method while a form is checked whose buyer gives it elsewhere."""


def card_fields(collection: Collection, gateway: str) -> dict[str, Any]:
    """Returns test cards to choose from, or the gateway's frame with its key and sources, or
    neither.

    With neither the gateway has a page of its own.
    """
    cards = collection.tokens if isinstance(collection, TestCards) else ()
    fields: dict[str, Any] = {
        "payment_methods": cards,
        "element": None,
        "publishable_key": None,
        "sources": (),
    }
    if isinstance(collection, Element):
        spec = registry.spec_of(gateway)
        fields["element"] = spec.element
        fields["publishable_key"] = collection.publishable_key
        fields["sources"] = spec.content_sources
    return fields
