"""PayPal's vault: agreements that buyers approve, saved, read and ended there (W-2, W-7).

Cards are read too, as Vault v3 describes them, though only PayPal accounts are saved here: they
show no digits and no date, so nothing of them can be renewed but at PayPal.
"""

from __future__ import annotations

import re

from billing.gateways.paypal import events, orders
from billing.gateways.paypal.client import Json, PayPalClient, segment
from billing.kernel.errors import Invalid, Unavailable, Unreachable
from billing.kernel.gateways import SavedMethod

SETUP_TOKENS = "/v3/vault/setup-tokens"
PAYMENT_TOKENS = "/v3/vault/payment-tokens"
TOKEN = re.compile(r"[0-9A-Z_-]{1,36}")
NOT_FOUND = 404


def page(client: PayPalClient, key: str, return_url: str, cancel_url: str) -> str:
    """Returns PayPal's page for the buyer's approval; its token is `approval_token_id`."""
    wallet = {
        "usage_type": "MERCHANT",
        "customer_type": "CONSUMER",
        # Without this a payer's second agreement would be the first one again, and end with it.
        "permit_multiple_payment_tokens": True,
        "experience_context": {
            "shipping_preference": "NO_SHIPPING",
            "return_url": return_url,
            "cancel_url": cancel_url,
        },
    }
    body: Json = {"payment_source": {"paypal": wallet}}
    answer = client.post(SETUP_TOKENS, body, request_id=f"setup-{key}")
    if not answer.is_ok:
        raise Unavailable(f"PayPal cannot keep payment methods: {answer.issue}.")
    return orders.buyer_url(answer.body)


def save(client: PayPalClient, token: str, key: str) -> SavedMethod:
    """Saves what a buyer has approved; raises `Invalid` for an approval that is none."""
    if TOKEN.fullmatch(token) is None:
        raise Invalid("not_approved_at_paypal", field="payment_method")
    source = {"token": {"id": token, "type": "SETUP_TOKEN"}}
    answer = client.post(PAYMENT_TOKENS, {"payment_source": source}, request_id=f"save-{key}")
    if not answer.is_ok:
        raise Invalid("not_approved_at_paypal", field="payment_method")
    return saved(answer.body)


def find(client: PayPalClient, method: str) -> SavedMethod | None:
    """Reads the agreement from the vault; None for one that its payer ended."""
    if events.TOKEN.fullmatch(method) is None:
        return None
    answer = client.get(f"{PAYMENT_TOKENS}/{segment(method)}")
    if answer.status == NOT_FOUND:
        return None
    if not answer.is_ok:
        raise Unreachable(f"PayPal does not show an agreement: {answer.issue}.")
    return saved(answer.body)


def forget(client: PayPalClient, method: str) -> None:
    """Ends the agreement; one that has ended already stays so."""
    answer = client.delete(f"{PAYMENT_TOKENS}/{segment(method)}")
    if not answer.is_ok and answer.status != NOT_FOUND:
        raise Unavailable(f"PayPal does not end an agreement: {answer.issue}.")


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
        country=wallet.get("address", {}).get("country_code"),
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
