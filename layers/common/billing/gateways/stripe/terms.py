"""Properties of Stripe that need neither its SDK nor keys (P-18, W-3)."""

from __future__ import annotations

from billing.kernel.gateways import AccountRef, Capabilities
from billing.kernel.money import Currency

STRIPE = "stripe"

TEST_SUFFIX = "_test"
"""Suffix of our name of an account's test mode, to which Stripe gives the id of the live one."""

MINIMUMS = {
    Currency.DKK: 250,
    Currency.GBP: 30,
    Currency.HKD: 400,
    Currency.NOK: 300,
    Currency.PLN: 200,
    Currency.SEK: 300,
}
"""The least charge per currency
(https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts); 0.50 in the other ten."""


def is_test(account: AccountRef) -> bool:
    """Tells whether an account is a test mode, by its name."""
    return account.account.endswith(TEST_SUFFIX)


def capabilities(account: AccountRef) -> Capabilities:
    """Returns Stripe's limits: every price type can be charged.

    All our currencies have two decimals there.
    """
    return Capabilities(minimum_minor=50, minimums=MINIMUMS, test=is_test(account))
