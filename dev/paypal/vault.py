"""Vault v3 on the loopback: a buyer approves a setup token, which becomes a payment token once."""

from __future__ import annotations

from dev.paypal.answers import Answer, Json, Refusal
from dev.paypal.books import Books


def create_setup(books: Books, body: Json) -> Answer:
    """Creates a setup token that waits for its buyer."""
    wallet = body["payment_source"].get("paypal")
    if wallet is None:
        raise Refusal(422, "INVALID_PAYMENT_SOURCE")
    context = wallet.get("experience_context", {})
    setup = books.draw()
    books.setups[setup] = {
        "return_url": context.get("return_url"),
        "cancel_url": context.get("cancel_url"),
        "buyer": None,
    }
    return Answer(201, _shown(books, setup, "PAYER_ACTION_REQUIRED"))


def approve(books: Books, setup: str, buyer: str) -> str:
    """Approves a setup token as its buyer; returns where they go back to."""
    kept = books.setups[setup]
    kept["buyer"] = buyer
    joint = "&" if "?" in kept["return_url"] else "?"
    return f"{kept['return_url']}{joint}approval_token_id={setup}&approval_session_id={setup}"


def _shown(books: Books, setup: str, status: str) -> Json:
    return {
        "id": setup,
        "status": status,
        "customer": {"id": books.draw()[:12]},
        "payment_source": {"paypal": {"usage_type": "MERCHANT"}},
        "links": [
            books.link("self", f"/v3/vault/setup-tokens/{setup}"),
            books.link("approve", f"/agreements/approve?approval_session_id={setup}"),
        ],
    }


def create_payment(books: Books, body: Json) -> Answer:
    """Creates the agreement of an approved setup token."""
    token = body["payment_source"].get("token", {})
    kept = books.setups.get(token.get("id", ""))
    if kept is None:
        raise Refusal(404, "TOKEN_NOT_FOUND")
    if kept.get("buyer") is None:
        raise Refusal(422, "TOKEN_NOT_APPROVED")
    if kept.get("used"):
        raise Refusal(422, "TOKEN_ALREADY_USED")
    kept["used"] = True
    payment = books.draw().lower()[:8]
    books.tokens[payment] = {"buyer": kept["buyer"], "customer": books.draw()[:12]}
    shown = _agreement(books, payment)
    books.note("VAULT.PAYMENT-TOKEN.CREATED", "payment_token", shown)
    return Answer(201, shown)


def show_payment(books: Books, payment: str) -> Answer:
    """Returns the agreement, while there is one."""
    if payment not in books.tokens:
        raise Refusal(404, "TOKEN_NOT_FOUND")
    return Answer(200, _agreement(books, payment))


def update_payment(books: Books, payment: str) -> None:
    """Updates the payer's means of payment, of which a PayPal agreement shows nothing."""
    books.note("VAULT.PAYMENT-TOKEN.UPDATED", "payment_token", _agreement(books, payment))


def _agreement(books: Books, payment: str) -> Json:
    return {
        "id": payment,
        "customer": {"id": books.tokens[payment].get("customer", "CUSTOMER")},
        "payment_source": {
            "paypal": {
                "usage_type": "MERCHANT",
                "email_address": "buyer@example.com",
                "payer_id": "QYR5Z8XDVJNXQ",
            }
        },
        "links": [books.link("self", f"/v3/vault/payment-tokens/{payment}")],
    }


def delete_payment(books: Books, payment: str) -> Answer:
    books.tokens.pop(payment, None)
    return Answer(204, None)
