"""PayPal's vault: the payment method behind a payment token (W-2, W-7).

Cards are read too, as Vault v3 describes them, though only PayPal accounts are saved here: they
show no digits and no date, so nothing of them can be renewed but at PayPal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from billing.kernel.gateways import SavedMethod

Json = Mapping[str, Any]


def saved(token: Json) -> SavedMethod:
    """Reads the payment method of a payment token from PayPal's answer."""
    source = token.get("payment_source", {})
    if "card" in source:
        return _card(str(token["id"]), source["card"])
    wallet = source.get("paypal", {})
    payer = wallet.get("payer_id") or wallet.get("account_id")
    return SavedMethod(
        token=str(token["id"]),
        brand="paypal",
        last4="",
        expires_on=None,
        fingerprint=str(payer) if payer else None,
    )


def _card(token: str, card: Json) -> SavedMethod:
    """Reads a card; without a number's fingerprint, two tokens of one card are two cards here."""
    return SavedMethod(
        token=token,
        brand=str(card.get("brand", "card")).lower(),
        last4=str(card.get("last_digits", "")),
        expires_on=card.get("expiry"),
        fingerprint=None,
    )
