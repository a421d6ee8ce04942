"""One entry of the transaction list in the console, with what hangs on it (M-1)."""

from __future__ import annotations

from billing.console.flows import transactions
from billing.console.web.pages import Desk, page
from billing.kernel.orders import OrderKind
from billing.web import http

PAYMENTS = frozenset({OrderKind.SALE, OrderKind.REBILL})


def order_page(desk: Desk, order: str) -> http.Answer:
    """Shows one order; of a payment, what went back of it and what may still."""
    found = transactions.one(desk.ports, desk.merchant, order)
    payment = None
    if found.kind in PAYMENTS and found.invoice is not None and found.customer is not None:
        payment = desk.ports.store.payment(desk.merchant, found.customer, found.invoice)
    invoice = None if payment is None else payment.invoice(found.invoice)
    return page(
        desk,
        "console/order.html",
        order=found,
        invoice=invoice,
        refunds=() if payment is None else payment.refunds,
        may_refund=payment is not None and found.amount.amount_minor > found.refunded_minor,
    )
