"""Takes the use of an attempt's coupon, and gives it back (C-8)."""

from __future__ import annotations

from billing.checkout import coupon_use
from billing.checkout.checkouts import Checkout
from billing.coupons.flows import uses
from billing.kernel.ports import Ports
from billing.kernel.writes import Transaction


def taken(ports: Ports, checkout: Checkout) -> Transaction:
    """Returns the writes that take the use; raises `Refused` (coupon_over)."""
    if checkout.discount is None:
        return ()
    people, code = coupon_use.people(checkout), checkout.discount.coupon
    return uses.taken(ports, checkout.merchant, code, people)


def is_over(ports: Ports, checkout: Checkout) -> bool:
    """Tests whether an attempt has a coupon that can be used no more by its buyer."""
    if checkout.discount is None:
        return False
    people, code = coupon_use.people(checkout), checkout.discount.coupon
    return uses.is_over(ports, checkout.merchant, code, people)


def given_back(ports: Ports, checkout: Checkout) -> Transaction:
    """Returns the writes that give the use back, where it was taken: nothing was paid."""
    if checkout.discount is None or not coupon_use.is_taken(checkout):
        return ()
    people, code = coupon_use.people(checkout), checkout.discount.coupon
    return uses.given_back(ports, checkout.merchant, code, people)
