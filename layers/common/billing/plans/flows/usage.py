"""An account's usage against its plan's limits (A-4).

It may rule out changing to another plan.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from billing.catalog.flows import product_lists
from billing.kernel.catalog import Product
from billing.kernel.customers import normalised_email
from billing.kernel.errors import Refused
from billing.kernel.flows.paging import pages
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription

COUNTED_AT_MOST = 10_000
PRODUCTS_AT_ONCE = 100

Over = tuple[str, int, int]
"""The name of a limit, how much is used, and how much is allowed."""


def of(ports: Ports, seller: Merchant, now: datetime) -> dict[str, int]:
    """Counts the things that plans can limit: products on sale, and live subscriptions."""
    until = now + timedelta(microseconds=1)
    live, seen, cursor = 0, 0, None
    while seen < COUNTED_AT_MOST:
        page = ports.store.subscriptions_started(
            seller.id, since=seller.oldest_sold, until=until, limit=200, cursor=cursor
        )
        live += sum(found.is_live for found in page.data)
        seen += len(page.data)
        cursor = page.next
        if cursor is None:
            break
    return {"products": _products_on_sale(ports, seller), "subscriptions": live}


def _products_on_sale(ports: Ports, seller: Merchant) -> int:
    """Counts products without their price points, of the newest `COUNTED_AT_MOST`."""
    read = pages(
        lambda cursor: product_lists.made(ports, seller, limit=PRODUCTS_AT_ONCE, cursor=cursor),
        at_most=COUNTED_AT_MOST // PRODUCTS_AT_ONCE,
    )
    return sum(not product.archived for page in read for product in page.data)


def over(product: Product, usage: dict[str, int]) -> tuple[Over, ...]:
    """Lists the limits of a plan that the usage exceeds."""
    return tuple(
        (limit.of, usage[limit.of], limit.most)
        for limit in product.limits
        if usage.get(limit.of, 0) > limit.most
    )


def refuse_over(ports: Ports, found: Subscription, product: Product, *, now: datetime) -> None:
    """Raises `Refused` (usage_over_limit) while an account uses more than another plan allows.

    The account is the one that a subscription of the platform's pays for; the reasons are listed.
    Nobody else's plans limit what we can count.
    """
    if not product.limits or found.merchant != ports.operation.platform:
        return
    customer = ports.store.customer(found.merchant, found.customer)
    email = None if customer is None else normalised_email(customer.email)
    pointer = None if email is None else ports.store.account_email(email)
    account = None if pointer is None else ports.store.account(pointer.username)
    seller = None if account is None else ports.store.merchant(account.username)
    if seller is None:
        return
    passed = over(product, of(ports, seller, now))
    if passed:
        limits = ", ".join(f"{have} {what} of {most}" for what, have, most in passed)
        raise Refused("usage_over_limit", usage=limits)
