"""Payments of an invoice that can no longer be paid: booked and given back at once.

Pure. One transaction books the payment and reserves its refund, which is due at once: a process
killed after it leaves a refund that the worker finishes (ARCHITECTURE.md, 3; B-7).
"""

from __future__ import annotations

from datetime import datetime

from billing.checkout import checkout_steps, purchase
from billing.checkout.checkouts import Checkout
from billing.kernel import ledger
from billing.kernel.customers import PaymentMethod, PurchaseBillTo
from billing.kernel.gateways import Succeeded
from billing.kernel.invoices import FINAL, Invoice, InvoiceState
from billing.kernel.subscription import Source
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Transaction, left
from billing.refunds import refunds
from billing.refunds.refunds import Refund

NAME = "late"
"""The name of the refund on its invoice: there is one."""

REASON = "paid_too_late"


def of_invoice(
    invoice: Invoice, outcome: Succeeded, now: datetime, *, refund_order: str, shard: int
) -> tuple[Refund, Transaction]:
    """Books and refunds a payment of an invoice that was void or given up."""
    paid, refund, more = _booked(invoice, outcome, now, refund_order, shard)
    return refund, (Change(invoice, paid, expecting=("state", "attempt")), *more)


def of_checkout(
    checkout: Checkout,
    outcome: Succeeded,
    now: datetime,
    *,
    customer: str | None,
    kept: PaymentMethod | None = None,
    refund_order: str,
    shard: int,
) -> tuple[Refund, Transaction]:
    """Books and refunds a payment of a declined or abandoned attempt.

    Its buyer becomes a customer with a payment and a refund, and has bought nothing. `customer` is
    the existing one of that email, `kept` their card where it is the very one that was given again.
    If the form was erased meanwhile, that is a customer without a name, a card or an email (M-8).
    """
    owner = customer or checkout.customer
    unpaid = replace(checkout.invoice, customer=owner)
    paid, refund, more = _booked(unpaid, outcome, now, refund_order, shard)
    after = replace(checkout, customer=owner, invoice=paid)
    return refund, (
        Change(checkout, after, expecting=checkout_steps.AS_READ),
        *_whose(checkout, customer, kept, now),
        Insert(paid),
        *more,
    )


def _whose(
    checkout: Checkout, customer: str | None, kept: PaymentMethod | None, now: datetime
) -> Transaction:
    if checkout.method is None:  # saved before it is charged, so it was erased
        return () if customer else (Insert(purchase.buyer(checkout, now)),)
    owner = customer or checkout.customer
    return (
        *(() if customer else purchase.new_customer(checkout, now)),
        purchase.keep(checkout, customer, kept),
        Insert(PurchaseBillTo(checkout.merchant, owner, checkout.purchase, checkout.bill_to)),
    )


def _booked(
    invoice: Invoice, outcome: Succeeded, now: datetime, refund_order: str, shard: int
) -> tuple[Invoice, Refund, Transaction]:
    assert invoice.state in FINAL, "what can still be paid is settled"
    paid = replace(
        invoice,
        state=InvoiceState.PAID,
        period=None,  # it pays for nothing
        plan_change=None,
        charge=outcome.charge,
        settled_at=now,
    )
    refund, (reservation, asked) = refunds.reserve(
        paid,
        paid.total,
        None,  # it pays for no time, and gives no credit
        None,
        name=NAME,
        source=Source.SYSTEM,
        order_id=refund_order,
        reason=REASON,
        now=now,
        due_at=now,
        shard=shard,
    )
    booked = (Insert(invoice.order(now)), Insert(ledger.payment(paid, now)))
    return left(paid, (reservation,)), refund, (*booked, asked)
