"""Pages that lead from one of our forms to another site: the gateway's, or a bank's (C-1, C-4)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from billing.gateways import registry
from billing.kernel.merchants import Merchant
from billing.web import http


class Why(StrEnum):
    """The reason for which a buyer is sent to another page."""

    CARD = "card"
    BANK = "bank"


def to(
    url: str, why: Why, gateway: str, language: str, *, merchant: Merchant, test: bool
) -> http.Answer:
    """Builds a page that goes on by itself, with a link for people who do not want to wait.

    A gateway that is card and bank in one has words of its own for both. Not a redirect:
    `form-action 'self'` stops a form that leads to another site, and stays as it is on every page.
    """
    return http.page(
        "checkout/onward.html",
        language,
        merchant=merchant,
        url=url,
        why=why.value,
        gateway=gateway,
        test=test,
    )


def given(query: Mapping[str, str]) -> str | None:
    """Returns the payment method that a buyer brings back from a gateway's page, None without."""
    names = ("payment_method", *(spec.return_parameter for spec in registry.specs().values()))
    return next((query[name] for name in names if name in query), None)
