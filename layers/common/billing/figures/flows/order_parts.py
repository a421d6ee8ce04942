"""Looks up what an order's part of the figures needs: its invoice, its refund's taxes, its day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from billing.figures import money_orders
from billing.figures.sums import FigureBook, FigureSums
from billing.kernel.invoices import Invoice
from billing.kernel.orders import Order, OrderKind
from billing.kernel.periods import Anchor
from billing.kernel.ports import Ports

Part = tuple[FigureSums, dict[str, int]]


def local_day(book: FigureBook, at: datetime) -> str:
    """Returns the local day of an instant, as 2026-01-31."""
    return Anchor.at(at, book.zone_at(at)).wall.date().isoformat()


def parts_of(ports: Ports, book: FigureBook, orders: Sequence[Order], span: str) -> Iterator[Part]:
    """Yields what orders of a day add to its sums."""
    invoices = invoices_of(ports, orders)
    for order in orders:
        invoice = invoices.get(key_of(order))
        taxes = refunded_taxes(ports, order)
        apart = book.counts_renewals(span)
        yield from money_orders.of_order(
            order, invoice, taxes, span=span, shard=0, renewals_apart=apart
        )


def key_of(order: Order) -> tuple[str, str, str]:
    return order.merchant, order.customer or "", order.invoice or ""


def invoices_of(ports: Ports, orders: Sequence[Order]) -> dict[tuple[str, str, str], Invoice]:
    """Returns the invoices that orders name, by merchant, customer and id."""
    keys = list(dict.fromkeys(key_of(o) for o in orders if o.customer and o.invoice))
    found = ports.store.invoices(keys) if keys else []
    return {key: each for key, each in zip(keys, found, strict=True) if each is not None}


def refunded_taxes(ports: Ports, order: Order) -> int | None:
    """Returns what a refund gave back of the taxes; None where that is to be shared."""
    if order.kind is not OrderKind.REFUND or order.refund_id is None or order.customer is None:
        return None
    refund = ports.store.refund(order.merchant, order.customer, order.refund_id)
    return None if refund is None else sum(refund.taxes)
