"""A refund is settled: booked by entry, ledger and event, or its reservation given back (B-7).

The third step of `refunds`; a full refund of a one-time purchase ends its access.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from billing.kernel import ledger
from billing.kernel.customers import Entitlement
from billing.kernel.gateways import DisputeStanding, RefundFailed, RefundSucceeded
from billing.kernel.invoices import Invoice
from billing.kernel.orders import Order, OrderKind
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.subscription import Subscription
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Transaction, Write
from billing.refunds import refunds
from billing.refunds.chargebacks import Chargeback
from billing.refunds.refunds import Refund, RefundState


def settle(
    refund: Refund,
    outcome: RefundSucceeded | RefundFailed,
    invoice: Invoice,
    paid: Order,
    entitlements: Iterable[Entitlement],
    now: datetime,
    subscription: Subscription | None,
    others: Iterable[Refund | Chargeback],
) -> tuple[Refund, Transaction]:
    """Books a refund with its own entry, or gives the reservation back (step 3).

    `others` are the refunds of the same payment and the chargebacks of its customer.
    """
    if isinstance(outcome, RefundFailed):
        failed = replace(
            refund,
            state=RefundState.FAILED,
            due_at=None,
            settled_at=now,
            failure=outcome.code,
        )
        given_back = invoice.reserving(
            -refund.amount.amount_minor, tuple(-tax for tax in refund.taxes)
        )
        return failed, (
            Change(refund, failed, expecting=("state",)),
            Change(invoice, given_back),
            *refunds.restore(refund, invoice, subscription, others),
        )
    done = replace(
        refund,
        state=RefundState.SUCCEEDED,
        due_at=None,
        settled_at=now,
        gateway_refund=outcome.refund,
    )
    refunded = invoice.refunded_minor + refund.amount.amount_minor
    return done, (
        Change(refund, done, expecting=("state",)),
        # What a bank took decides whether this was the rest of it: it closes a purchase then.
        Change(
            invoice,
            replace(invoice, refunded_minor=refunded),
            expecting=("dispute", "disputed_minor"),
        ),
        *book(done, invoice, paid, entitlements, now),
    )


def book(
    refund: Refund,
    invoice: Invoice,
    paid: Order,
    entitlements: Iterable[Entitlement],
    now: datetime,
) -> tuple[Write, ...]:
    """Returns the writes of every completed refund, besides the refund's own and its invoice's."""
    refunded = invoice.refunded_minor + refund.amount.amount_minor
    return (
        Change(paid, replace(paid, refunded_minor=refunded)),
        Insert(_entry(refund, paid, now)),
        Insert(ledger.refund(refund.id, invoice, refund.amount, now, refund.taxes)),
        Insert(event(EventKind.REFUNDED, refund, invoice, now)),
        *_revoke(invoice, refunded, entitlements, now),
    )


def _revoke(
    invoice: Invoice, refunded_minor: int, entitlements: Iterable[Entitlement], now: datetime
) -> tuple[Write, ...]:
    """Revokes the access of a one-time purchase on a full refund; never cancels (B-7).

    Money that a bank took back before counts as gone already (W-4).
    """
    lost = invoice.disputed_minor if invoice.dispute == DisputeStanding.LOST else 0
    if invoice.subscription is not None or refunded_minor + lost < invoice.total.amount_minor:
        return ()
    return tuple(
        Change(entitlement, replace(entitlement, revoked_at=now))
        for entitlement in entitlements
        if entitlement.source == invoice.purchase and entitlement.revoked_at is None
    )


def entry(refund: Refund, paid: Order) -> Order:
    """Returns the refund's entry of the order list: as booked, or as it will be while under way."""
    return _entry(refund, paid, refund.settled_at or refund.requested_at)


def _entry(refund: Refund, paid: Order, now: datetime) -> Order:
    return replace(
        paid,
        id=refund.order_id,
        kind=OrderKind.REFUND,
        at=now,
        amount=refund.amount,
        refunded_minor=0,
        source=refund.source.value,
        reason=refund.reason,
        refund=refund.returned,
        refund_id=refund.id,
    )


def event(kind: EventKind, refund: Refund, invoice: Invoice, now: datetime) -> OutboxEvent:
    return OutboxEvent(
        id=f"{refund.id}:{kind}",
        kind=kind,
        merchant=refund.merchant,
        customer=refund.customer,
        at=now,
        shard=refund.shard,
        invoice=refund.invoice,
        subscription=invoice.subscription,
        code=refund.id,
    )
