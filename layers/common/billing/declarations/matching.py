"""Matches a declaration to what its buyer has, by what they typed (X-10)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from billing.declarations.declarations import Declaration, Kind, Verification
from billing.kernel.catalog import Cancellation, PriceType
from billing.kernel.orders import Order
from billing.kernel.subscription import Subscription, When

FIXED = frozenset({PriceType.INSTALLMENT, PriceType.RECURRING_INSTALLMENT})
"""Prices whose number of payments is agreed: an ordinary declaration goes to a person."""


def candidates(
    declaration: Declaration, held: Iterable[Subscription], bought: Iterable[str]
) -> list[Subscription]:
    """Returns the running subscriptions that a declaration may be about.

    They are those that it names, by product or id; all that run where it names nothing. `bought`
    are the products of the customer's orders: where it names another one of them, it is about none
    that runs.
    """
    live = [each for each in held if each.is_live]
    typed = declaration.declared.contract.casefold()
    products = _named(typed, {each.product_name for each in live} | set(bought))
    named = [
        each
        for each in live
        if each.id.casefold() in typed or each.product_name.casefold() in products
    ]
    return named if named or products else live


def _named(typed: str, products: Iterable[str]) -> set[str]:
    """Returns the products that a text names; a name within a longer one is not named by it."""
    found = set()
    for name in sorted({each.casefold() for each in products if each}, key=len, reverse=True):
        if name in typed:
            found.add(name)
            typed = typed.replace(name, "\n")
    return found


def when_of(declaration: Declaration, subscription: Subscription) -> When:
    """Returns when a cancellation takes effect: as the price says, or at once for a reason.

    What nobody has verified ends with the period that is paid: access stays (X-10).
    """
    if not declaration.is_verified:
        return When.PERIOD_END
    if declaration.declared.kind is not Kind.ORDINARY:
        return When.NOW
    delayed = subscription.terms.cancellation is Cancellation.DELAYED
    return When.PERIOD_END if delayed else When.NOW


def goes_to_agent(declaration: Declaration, subscription: Subscription) -> bool:
    """Tests whether an ordinary declaration meets a fixed number of installments, and no person has
    approved it (X-10)."""
    if declaration.verification is Verification.AGENT:
        return False
    return declaration.declared.kind is Kind.ORDINARY and subscription.terms.type in FIXED


def paid_since(
    orders: Sequence[Order], subscription: str, since: datetime, kinds: Iterable[str]
) -> list[Order]:
    """Returns the payments of a subscription behind an instant, oldest first."""
    wanted = set(kinds)
    found = [
        each
        for each in orders
        if each.subscription == subscription and each.kind in wanted and each.at > since
    ]
    return sorted(found, key=lambda each: (each.at, each.id))
