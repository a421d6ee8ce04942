"""The mail of an entry of the order list, to be sent again to a customer who lost it (R-8).

The mail is written anew, of what is stored now. Only what is a record is sent again: what was paid,
given back, and ended. A mail about what is to come would say what is not true any more.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from billing.kernel import snapshots
from billing.kernel.invoices import InvoiceState
from billing.kernel.orders import Order, OrderKind
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.snapshots import Snapshot
from billing.kernel.subscription import TERMINAL, Source, Subscription
from billing.kernel.values import Value

if TYPE_CHECKING:
    from billing.kernel.storage import History

PAYMENTS = {OrderKind.SALE: EventKind.PURCHASED, OrderKind.REBILL: EventKind.RENEWED}
ENDINGS = frozenset({OrderKind.CANCEL_REQUEST, OrderKind.CANCELLATION})
MAILED = frozenset({*PAYMENTS, *ENDINGS, OrderKind.REFUND})
"""The kinds of order that have a mail."""


class Again(Value):
    """A mail that can be sent again: its kind, and what it is about.

    `code` names a refund. `was` is set where the mail needs the reference of a cancellation.
    """

    kind: EventKind
    customer: str
    invoice: str | None = None
    subscription: str | None = None
    code: str | None = None
    was: Snapshot | None = None

    def event(self, merchant: str, name: str, shard: int, at: datetime) -> OutboxEvent:
        """Builds the outbox event that has it mailed, under a name of its own."""
        return OutboxEvent(
            id=f"{name}:{self.kind}",
            kind=self.kind,
            merchant=merchant,
            customer=self.customer,
            at=at,
            shard=shard,
            invoice=self.invoice,
            subscription=self.subscription,
            code=self.code,
            was=self.was,
        )


def of_payment(order: Order, payment: History) -> Again | None:
    """Returns the mail of an order about a payment or a refund, None where there is none."""
    if order.customer is None or order.invoice is None:
        return None
    invoice = payment.invoice(order.invoice)
    if invoice is None or invoice.state is not InvoiceState.PAID:
        return None
    about = (order.customer, invoice.id, invoice.subscription)
    if order.kind in PAYMENTS:
        return Again(PAYMENTS[order.kind], *about)
    if order.kind is not OrderKind.REFUND or order.withdrawn:
        return None
    refund = next((each for each in payment.refunds if each.order_id == order.id), None)
    return None if refund is None else Again(EventKind.REFUNDED, *about, refund.id)


def of_ending(order: Order, subscription: Subscription) -> Again | None:
    """Returns the mail of an order about a cancellation, None for one that was undone."""
    if order.kind not in ENDINGS or order.withdrawn or order.customer is None:
        return None
    about = (order.customer, None, subscription.id, None)
    if subscription.state in TERMINAL:
        asked = order.source in {Source.CUSTOMER, Source.MERCHANT}
        was = snapshots.of(subscription, reference=order.id if asked else None)
        return Again(EventKind.ENDED, *about, was)
    asked_for = subscription.cancelling
    if asked_for is None or asked_for.order != order.id:
        return None
    return Again(EventKind.CANCEL_REQUESTED, *about, snapshots.of(subscription))
