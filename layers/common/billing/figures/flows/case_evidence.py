"""Looks up the orders that say why a subscription failed or ended (M-10)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import takewhile

from billing.figures import cases, money_orders
from billing.figures.cases import Case, Evidence
from billing.figures.flows import order_parts
from billing.figures.sums import FigureBook
from billing.kernel.invoices import Invoice
from billing.kernel.orders import Order, OrderKind
from billing.kernel.periods import Anchor
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription
from billing.kernel.values import replace

ORDERS_MOST = 100
"""The most of a customer's latest orders that are looked through: one query."""

PAID = frozenset({OrderKind.SALE, OrderKind.REBILL})


def of(
    ports: Ports,
    book: FigureBook,
    followed: Iterable[Case],
    subscription: Subscription,
    *,
    until: datetime,
) -> Evidence:
    """Returns what a subscription's orders before an instant say of its failures and its end."""
    page = ports.store.orders_of(
        subscription.merchant, subscription.customer, limit=ORDERS_MOST, until=until
    )
    theirs = [order for order in page.data if order.subscription == subscription.id]
    asked = [o for o in theirs if o.kind is OrderKind.CANCEL_REQUEST and not o.withdrawn]
    told = next((order for order in theirs if order.kind is OrderKind.CANCELLATION), None)
    evidence = Evidence(
        declines=_declines(theirs, cases.since_of(followed, subscription.id)),
        reason="" if told is None else told.reason or "",
        source="" if told is None else told.source or "",
        asked=bool(asked),
    )
    first = _first_decline(ports, theirs)
    if first is None:
        return evidence
    order, invoice = first
    return replace(
        evidence,
        failed_at=order.at,
        failed_on=Anchor.at(order.at, book.zone_at(order.at)).wall.date(),
        failed_minor=money_orders.net_of(order, invoice),
        code=order.code or "",
    )


def _declines(theirs: Sequence[Order], since: datetime | None) -> int:
    """Returns the declines from a first one to the payment that came after it."""
    paid = next((order for order in theirs if order.kind in PAID), None)
    if since is None or paid is None:
        return 0
    return sum(o.kind is OrderKind.FAILED and since <= o.at <= paid.at for o in theirs)


def _first_decline(ports: Ports, theirs: Sequence[Order]) -> tuple[Order, Invoice | None] | None:
    """Returns the first decline of a period's payment since the last payment, newest first."""
    later = takewhile(lambda order: order.kind not in PAID, theirs)
    declined = [order for order in later if order.kind is OrderKind.FAILED]
    invoices = order_parts.invoices_of(ports, declined)
    for order in reversed(declined):
        invoice = invoices.get(order_parts.key_of(order))
        if invoice is None or not invoice.changes_plan:
            return order, invoice
    return None
