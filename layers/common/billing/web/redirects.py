"""Pages that lead from one of our forms to another site: the gateway's, or a bank's (C-1, C-4)."""

from __future__ import annotations

from enum import StrEnum

from billing.gateways.paypal.terms import PAYPAL
from billing.kernel.merchants import Merchant
from billing.web import http


class Why(StrEnum):
    """The reason for which a buyer is sent to another page."""

    CARD = "card"
    BANK = "bank"
    PAYPAL = "paypal"


def why(gateway: str, otherwise: Why) -> Why:
    """Returns the reason: PayPal is card and bank in one, and asks for both under its own name."""
    return Why.PAYPAL if gateway == PAYPAL else otherwise


def to(url: str, why: Why, language: str, *, merchant: Merchant, test: bool) -> http.Answer:
    """Builds a page that goes on by itself, with a link for people who do not want to wait.

    Not a redirect: `form-action 'self'` stops a form that leads to another site, and stays as it is
    on every page.
    """
    return http.page(
        "checkout/onward.html", language, merchant=merchant, url=url, why=why.value, test=test
    )
