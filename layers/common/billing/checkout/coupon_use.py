"""The use of a coupon by an attempt: whose it is, and while it is taken (C-8).

It is taken with the write past which money may move, as a trial is, so that two checkouts that meet
cannot both have the last one, and is given back if nothing is paid.
"""

from __future__ import annotations

from billing.checkout.checkouts import Checkout
from billing.kernel.invoices import UNDER_WAY
from billing.kernel.persons import customer_subject, subjects


def people(checkout: Checkout) -> tuple[str, ...]:
    """Returns the hashes of the person who buys: as a customer, by their mailbox, by their card."""
    merchant = checkout.merchant
    known = subjects(merchant, checkout.bill_to.email, checkout.method)
    return (customer_subject(merchant, checkout.customer), *known)


def is_taken(checkout: Checkout) -> bool:
    """Tests whether an attempt that has not ended has taken its use."""
    return (
        checkout.discount is not None
        and checkout.invoice.state in UNDER_WAY
        and bool(checkout.invoice.total)
    )
