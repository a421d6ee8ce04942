"""Properties of PayPal that need neither a request nor keys (P-17, P-18, B-9)."""

from __future__ import annotations

from billing.gateways.stripe.terms import is_test
from billing.kernel.catalog import PriceType
from billing.kernel.gateways import AccountRef, Capabilities
from billing.kernel.money import Currency

PAYPAL = "paypal"

HOSTS = {False: "https://api-m.paypal.com", True: "https://api-m.sandbox.paypal.com"}
"""Addresses of PayPal's API, by whether an account is a test one."""

CANNOT_TAKE = frozenset({Currency.INR})
"""Currencies of ours that PayPal cannot take
(https://developer.paypal.com/docs/api/reference/currency-codes/); the others have two decimals
there too."""


def capabilities(account: AccountRef) -> Capabilities:
    """Returns PayPal's limits: no recurring installments.

    Agreements are changed on PayPal's own pages.
    """
    return Capabilities(
        minimum_minor=1,
        cannot_charge=frozenset({PriceType.RECURRING_INSTALLMENT}),
        cannot_take=CANNOT_TAKE,
        manages_cards=False,
        payments_lapse=True,
        test=is_test(account),
    )


def host(account: AccountRef) -> str:
    """Returns the address of an account's API."""
    return HOSTS[is_test(account)]
