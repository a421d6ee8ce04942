"""One entry of the transaction list in the console, with what hangs on it (M-1)."""

from __future__ import annotations

from billing.console.web.pages import Desk, page
from billing.kernel.errors import NotFound
from billing.kernel.invoices import Invoice
from billing.kernel.orders import PAYMENTS
from billing.outbox.flows import send_again
from billing.tax import evidence
from billing.tax.evidence import Evidence
from billing.web import http


def order_page(desk: Desk, order: str) -> http.Answer:
    """Shows one order; of a payment, what went back of it and what may still."""
    held = desk.ports.store.payment_of_order(desk.merchant, order)
    if held is None:
        raise NotFound("order_unknown")
    (found,) = held.orders
    payment = None
    if found.kind in PAYMENTS and found.invoice is not None and found.customer is not None:
        payment = held
    invoice = None if payment is None else payment.invoice(found.invoice)
    return page(
        desk,
        "console/order.html",
        order=found,
        invoice=invoice,
        evidence=None if invoice is None else _evidence(desk, invoice),
        refunds=() if payment is None else payment.refunds,
        has_mail=send_again.has_mail(found),
        done=desk.request.query().get("done") == "sent_again",
        may_refund=payment is not None and found.amount.amount_minor > found.refunded_minor,
    )


def _evidence(desk: Desk, invoice: Invoice) -> Evidence:
    """Returns where the buyer of an invoice was, as far as that was kept (C-7)."""
    kept = desk.ports.store.consent(desk.merchant, invoice.customer, invoice.purchase)
    return evidence.of(invoice.bill_to, kept)
