"""The loopback's addresses, and what a token may do there."""

from __future__ import annotations

from collections.abc import Callable

from billing.kernel.values import Value
from dev.paypal import orders, vault, webhooks
from dev.paypal.answers import Answer, Json
from dev.paypal.books import Books

NAME = r"([A-Za-z0-9-]+)"


class Asked(Value):
    """A request to the API, with its body read."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    raw: bytes
    body: Json


class Exchange(Value):
    """A request and its response, for tests that hold both to PayPal's descriptions."""

    asked: Asked
    answer: Answer


Call = Callable[[Books, Asked, str], Answer]

DISPUTES = "/v1/customer/disputes"
WEBHOOKS = "/v1/notifications"

SCOPE = tuple(
    f"https://uri.paypal.com/services/{right}"
    for right in (
        "payments/payment",
        "payments/refund",
        "vault/payment-tokens/readwrite",
        "applications/webhooks",
        "disputes/read-seller",
    )
)
"""The rights that the app's tokens have."""

ROUTES: tuple[tuple[str, str, Call], ...] = (
    ("POST", "/v2/checkout/orders()", lambda b, a, _: orders.create(b, a.body)),
    ("GET", f"/v2/checkout/orders/{NAME}", lambda b, a, n: orders.show(b, n)),
    ("POST", f"/v2/checkout/orders/{NAME}/capture", lambda b, a, n: orders.capture(b, n, a.body)),
    ("GET", f"/v2/payments/captures/{NAME}", lambda b, a, n: orders.show_capture(b, n)),
    ("POST", f"/v2/payments/captures/{NAME}/refund", lambda b, a, n: orders.refund(b, n, a.body)),
    ("POST", "/v3/vault/setup-tokens()", lambda b, a, _: vault.create_setup(b, a.body)),
    ("POST", "/v3/vault/payment-tokens()", lambda b, a, _: vault.create_payment(b, a.body)),
    ("GET", f"/v3/vault/payment-tokens/{NAME}", lambda b, a, n: vault.show_payment(b, n)),
    ("DELETE", f"/v3/vault/payment-tokens/{NAME}", lambda b, a, n: vault.delete_payment(b, n)),
    ("GET", f"{DISPUTES}()", lambda b, a, _: orders.list_disputes(b, a.query)),
    ("GET", f"{DISPUTES}/{NAME}", lambda b, a, n: orders.show_dispute(b, n)),
    ("POST", f"{WEBHOOKS}/verify-webhook-signature()", lambda b, a, _: webhooks.verify(a.raw)),
    ("POST", f"{WEBHOOKS}/webhooks()", lambda b, a, _: webhooks.create(b, a.body)),
    ("GET", f"{WEBHOOKS}/webhooks()", lambda b, a, _: webhooks.show_all(b)),
    ("GET", f"{WEBHOOKS}/webhooks/{NAME}", lambda b, a, n: webhooks.show(b, n)),
    ("PATCH", f"{WEBHOOKS}/webhooks/{NAME}", lambda b, a, n: webhooks.change(b, n, a.raw)),
    ("DELETE", f"{WEBHOOKS}/webhooks/{NAME}", lambda b, a, n: webhooks.delete(b, n)),
    ("GET", f"{WEBHOOKS}/webhooks-events/?()", lambda b, a, _: webhooks.listed(b, a.query)),
)
