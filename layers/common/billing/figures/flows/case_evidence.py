"""Looks up the orders that say why a subscription failed or ended (M-10)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from billing.figures import cases, money_orders
from billing.figures.cases import Case, Evidence
from billing.kernel.orders import Order, OrderKind
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription

ORDERS_MOST = 100
"""The most of a customer's latest orders that are looked through: one query."""


def of(
    ports: Ports, followed: Iterable[Case], subscription: Subscription, *, until: datetime
) -> Evidence:
    """Returns what a subscription's orders before an instant say of its failures and its end."""
    page = ports.store.orders_of(
        subscription.merchant, subscription.customer, limit=ORDERS_MOST, until=until
    )
    theirs = [order for order in page.data if order.subscription == subscription.id]
    declined = [order for order in theirs if order.kind is OrderKind.FAILED]
    newest = declined[0] if declined else None
    since = cases.since_of(followed, subscription.id)
    ends = [order for order in theirs if order.kind is OrderKind.CANCELLATION]
    asked = [o for o in theirs if o.kind is OrderKind.CANCEL_REQUEST and not o.withdrawn]
    told = ends[0] if ends else None
    return Evidence(
        failed_at=newest and newest.at,
        failed_minor=0 if newest is None else _net(ports, newest),
        code=(newest and newest.code) or "",
        declines=sum(since is not None and order.at >= since for order in declined),
        reason=(told and told.reason) or "",
        source=(told and told.source) or "",
        asked=bool(asked),
    )


def _net(ports: Ports, declined: Order) -> int:
    if declined.customer is None or declined.invoice is None:
        return money_orders.net_of(declined, None)
    invoice = ports.store.invoice(declined.merchant, declined.customer, declined.invoice)
    return money_orders.net_of(declined, invoice)
