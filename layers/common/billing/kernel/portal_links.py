"""Signed links into the portal, as mails carry them (R-8).

A link names one purchase. It works often, for 60 days, and no longer than the customer keeps the
email that it was mailed to. The merchant's own key signs it.
"""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta

from billing.kernel.customers import Customer, email_hash
from billing.kernel.values import Value

LIFE = timedelta(days=60)
SYMBOLS = 40
_DIGITS_MOST = 12


class PortalLink(Value):
    """The parts of a link; whether it was signed here is for `is_genuine` to say."""

    customer: str
    purchase: str
    expires_at: datetime
    signature: str


def reference(key: str, customer: Customer, purchase: str, now: datetime) -> str:
    """Returns the last part of a link's address: `<customer>~<purchase>~<expiry>~<signature>`."""
    expires = int((now + LIFE).timestamp())
    signature = _signature(key, customer, purchase, expires)
    return f"{customer.id}~{purchase}~{expires}~{signature}"


def parse(text: str) -> PortalLink | None:
    """Returns the parts of a reference; None for a text that cannot be one."""
    customer, _, rest = text.partition("~")
    purchase, _, rest = rest.partition("~")
    expires, _, signature = rest.partition("~")
    if not (customer and purchase and signature):
        return None
    if not (expires.isascii() and expires.isdigit() and len(expires) <= _DIGITS_MOST):
        return None
    try:
        expires_at = datetime.fromtimestamp(int(expires), UTC)
    except (ValueError, OverflowError):
        return None
    return PortalLink(customer, purchase, expires_at, signature)


def is_genuine(link: PortalLink, key: str, customer: Customer, now: datetime) -> bool:
    """Tests whether a link was signed with the key for this customer's present email, and lives."""
    expires = int(link.expires_at.timestamp())
    expected = _signature(key, customer, link.purchase, expires)
    same = hmac.compare_digest(link.signature.encode(), expected.encode())
    return same and now < link.expires_at and not customer.is_erased


def _signature(key: str, customer: Customer, purchase: str, expires: int) -> str:
    signed = (
        "portal link",
        customer.merchant,
        customer.id,
        email_hash(customer.merchant, customer.email),
        purchase,
        str(expires),
    )
    return hmac.digest(key.encode(), "\n".join(signed).encode(), "sha256").hex()[:SYMBOLS]
