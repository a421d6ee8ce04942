"""The question whether a buyer means to buy the same again (C-3)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from billing.checkout import purchase
from billing.checkout.flows.limits import limit
from billing.checkout.flows.offers import Offer
from billing.kernel.customers import Customer
from billing.kernel.errors import Refused
from billing.kernel.flows.paging import pages
from billing.kernel.lists import Page
from billing.kernel.orders import Order
from billing.kernel.ports import Ports
from billing.kernel.storage import History

QUESTIONS_PER_EMAIL = 10
READ_AT_ONCE, READS_AT_MOST = 200, 10
"""The orders of a day that the repeat question looks at, and the most reads of them."""


def ask(ports: Ports, offered: Offer, history: History, email: str, now: datetime) -> None:
    """Raises `Refused` (already_purchased) where a customer bought the product lately; limited, so
    that nobody can try out emails."""
    assert history.customer is not None, "a stranger has bought nothing"
    lately = _bought_lately(ports, history.customer, now)
    if purchase.is_repeat(offered.product.id, history.subscriptions, lately, now):
        subject = f"{offered.merchant.id}\n{email}"
        limit(ports, "repeat_question", subject, QUESTIONS_PER_EMAIL, now)
        raise Refused("already_purchased")


def _bought_lately(ports: Ports, customer: Customer, now: datetime) -> Iterator[Order]:
    """Yields a customer's orders of the time in which buying again is a repeat, newest first."""

    def page_at(cursor: str | None) -> Page[Order]:
        return ports.store.orders_of(
            customer.merchant,
            customer.id,
            since=now - purchase.REPEAT_WINDOW,
            limit=READ_AT_ONCE,
            cursor=cursor,
        )

    for page in pages(page_at, at_most=READS_AT_MOST):
        yield from page.data
