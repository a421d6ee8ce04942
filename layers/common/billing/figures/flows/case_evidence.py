"""Looks up the orders that say why a subscription failed or ended (M-10)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from billing.figures import money_orders
from billing.figures.cases import Declined, Evidence
from billing.figures.flows import order_parts
from billing.figures.sums import FigureBook
from billing.kernel.invoices import Invoice
from billing.kernel.orders import Order, OrderKind
from billing.kernel.periods import Anchor
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription

UNANSWERED = "authentication_required"
"""The code of an attempt whose buyer did not answer their bank."""

ORDERS_MOST = 100
"""The most of a customer's latest orders that are looked through: one query."""


def of(ports: Ports, book: FigureBook, subscription: Subscription, *, until: datetime) -> Evidence:
    """Returns what a subscription's orders before an instant say of its failures and its end."""
    page = ports.store.orders_of(
        subscription.merchant, subscription.customer, limit=ORDERS_MOST, until=until
    )
    theirs = [order for order in page.data if order.subscription == subscription.id]
    asked = [o for o in theirs if o.kind is OrderKind.CANCEL_REQUEST and not o.withdrawn]
    told = next((order for order in theirs if order.kind is OrderKind.CANCELLATION), None)
    return Evidence(
        declined=_declined(ports, book, theirs),
        reason="" if told is None else told.reason or "",
        source="" if told is None else told.source or "",
        asked=bool(asked),
    )


def _in_order(order: Order) -> tuple[datetime, bool, str]:
    """Sorts declines by time; a question left unanswered is listed with the attempt after it."""
    return order.at, order.code != UNANSWERED, order.id


def _declined(ports: Ports, book: FigureBook, theirs: Sequence[Order]) -> tuple[Declined, ...]:
    """Returns the declines of each period's payment; those of changes of plan are left out."""
    failed = [order for order in theirs if order.kind is OrderKind.FAILED]
    invoices = order_parts.invoices_of(ports, failed)
    by_period: defaultdict[int, list[tuple[Order, Invoice]]] = defaultdict(list)
    for order in sorted(failed, key=_in_order):
        invoice = invoices.get(order_parts.key_of(order))
        if invoice is not None and invoice.period is not None and not invoice.changes_plan:
            by_period[invoice.period].append((order, invoice))
    found = []
    for period, tries in by_period.items():
        order, invoice = tries[0]
        day = Anchor.at(order.at, book.zone_at(order.at)).wall.date()
        minor = money_orders.net_of(order, invoice)
        found.append(Declined(period, order.at, day, minor, order.code or "", len(tries)))
    return tuple(found)
