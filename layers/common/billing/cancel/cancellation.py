"""The end of a subscription as transactions, and its undoing (X-2, X-4, X-5, X-6).

It ends at once, at the end of the period, or after the charge that is under way.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from billing.kernel import charge_eligibility, snapshots
from billing.kernel.invoices import Invoice, InvoiceState
from billing.kernel.money import Money
from billing.kernel.orders import Order, OrderKind
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.subscription import CancelRequest, Source, State, Subscription, When
from billing.kernel.values import replace
from billing.kernel.writes import Change, ConditionCheck, Insert, Transaction, Write


class CancelReason(StrEnum):
    """The reasons of a cancellation that a customer may choose from (X-7)."""

    TOO_EXPENSIVE = "too_expensive"
    NOT_USED = "not_used"
    MISSING = "missing"
    SWITCHED = "switched"
    QUALITY = "quality"
    OTHER = "other"


INVOICE_AS_READ = ("state", "attempt")

AS_TOLD = (*charge_eligibility.RESTS, *charge_eligibility.PRICED_BY)
"""The fields that an end and its mail rest on, which state what is still credited (R-8)."""

UNDO_AS_READ = (*charge_eligibility.LOOKED_AT, "ends_at", "waiting_since")
"""The fields that an undo rests on: by them it is due again, or sleeps, as before."""


def takes_effect_now(
    subscription: Subscription, request: CancelRequest, *, changing_plan: bool = False
) -> bool:
    """Tells whether no paid time is left: asked for now, past due, or past the period (X-4).

    What is still being moved here was never charged here: its source has it. An open invoice means
    so too: by the clock of its opener, its period has begun; but not that of a change of plan,
    which pays for no period (A-4).
    """
    if request.when is When.NOW or subscription.state in {State.PAST_DUE, State.INCOMPLETE}:
        return True
    if subscription.open_invoice is not None and not changing_plan:
        return True
    period_at = subscription.period_at
    return period_at is None or period_at <= request.requested_at


def end_now(
    subscription: Subscription,
    open_invoice: Invoice | None,
    request: CancelRequest,
    email: str,
    shard: int,
) -> Transaction:
    """Ends a subscription with its own entry; an open invoice is void in the same write (X-6).

    That invoice is never paid.
    """
    at, ended = request.requested_at, subscription.cancelled(request.requested_at, request.source)
    ended = replace(ended, cancelling=None)
    return (
        Change(subscription, ended, expecting=AS_TOLD),
        *void(open_invoice, at, shard),
        Insert(entry(ended, OrderKind.CANCELLATION, request, at, email)),
        Insert(_end_event(ended, request, at, shard)),
    )


def at_period_end(
    subscription: Subscription,
    open_invoice: Invoice | None,
    request: CancelRequest,
    email: str,
    shard: int,
) -> Transaction:
    """Inserts a "Request Can." entry now; access and agreement stay to the period's end (X-2).

    An open invoice is that of a change of plan: it is void, as in `end_now` (A-4).
    """
    assert open_invoice is None or open_invoice.changes_plan, "a period's is void first"
    pending = subscription.cancel_pending(request)
    at = request.requested_at
    return (
        Change(subscription, pending, expecting=AS_TOLD),
        *void(open_invoice, at, shard),
        Insert(entry(pending, OrderKind.CANCEL_REQUEST, request, at, email)),
        Insert(event(EventKind.CANCEL_REQUESTED, pending, at, shard)),
    )


def record(subscription: Subscription, under_way: Invoice, request: CancelRequest) -> Transaction:
    """Records a request during a charge, which is withdrawn first (X-6).

    The gateway's answer about the charge decides.
    """
    return (
        Change(
            subscription,
            subscription.cancel_recorded(request),
            expecting=charge_eligibility.LOOKED_AT,
        ),
        ConditionCheck(under_way, expecting=INVOICE_AS_READ),
    )


def undo(subscription: Subscription, requested: Order, now: datetime, shard: int) -> Transaction:
    """Undoes a pending cancellation; the request stays listed, marked withdrawn (X-2, X-5).

    A freeze that nobody was told of because of the cancellation is told of now (A-5).
    """
    after = replace(subscription.cancel_undone(), freeze_untold=False)
    untold = subscription.freeze_untold and after.freezes_at is not None
    return (
        Change(subscription, after, expecting=(*UNDO_AS_READ, "freeze_untold")),
        Change(requested, replace(requested, withdrawn=True)),
        Insert(event(EventKind.CANCEL_UNDONE, after, now, shard)),
        *((Insert(event(EventKind.FREEZE_ASKED, after, now, shard)),) if untold else ()),
    )


def end_pending(
    subscription: Subscription, order_id: str, now: datetime, email: str, shard: int
) -> Transaction:
    """Cancels a subscription as of the end of its period, with its own entry (X-2)."""
    request, ends_at = subscription.cancelling, subscription.ends_at
    assert request is not None and ends_at is not None, "it is pending"
    ended = replace(subscription.cancelled(ends_at, request.source), cancelling=None)
    carried_out = replace(request, order=order_id)
    return (
        Change(subscription, ended, expecting=(*AS_TOLD, "ends_at")),
        Insert(entry(ended, OrderKind.CANCELLATION, carried_out, now, email)),
        Insert(_end_event(ended, carried_out, now, shard)),
    )


def after_payment(
    paid: Subscription, now: datetime, email: str, shard: int
) -> tuple[Subscription, tuple[Write, ...]]:
    """Applies a recorded request once the charge that was under way has succeeded (X-6).

    `paid` is the subscription as the payment leaves it; returns what it is then, and the entries.
    """
    request = paid.cancelling
    if request is None or not paid.is_live:
        return replace(paid, cancelling=None), ()
    if takes_effect_now(paid, replace(request, requested_at=now)):
        ended = replace(paid.cancelled(now, request.source), cancelling=None)
        return ended, (
            Insert(entry(ended, OrderKind.CANCELLATION, request, now, email)),
            Insert(_end_event(ended, request, now, shard)),
        )
    pending = paid.cancel_pending(request)
    return pending, (
        Insert(entry(pending, OrderKind.CANCEL_REQUEST, request, now, email)),
        Insert(event(EventKind.CANCEL_REQUESTED, pending, now, shard)),
    )


def entry(
    subscription: Subscription, kind: OrderKind, request: CancelRequest, at: datetime, email: str
) -> Order:
    """Builds the order list's entry of a request or a cancellation."""
    return Order(
        id=request.order,
        merchant=subscription.merchant,
        customer=subscription.customer,
        kind=kind,
        at=at,
        amount=Money(0, subscription.terms.price.currency),
        product=subscription.product,
        product_name=subscription.product_name,
        price_point=subscription.price_point,
        subscription=subscription.id,
        email=email,
        source=request.source.value,
        reason=request.reason,
        comment=request.comment,
        ends_at=subscription.ends_at,
        test=subscription.test,
        hand_off=subscription.hand_off,
    )


def _end_event(
    ended: Subscription, request: CancelRequest, at: datetime, shard: int
) -> OutboxEvent:
    """Builds the event of a subscription's end, with the reference of its requester (X-7)."""
    asked = request.source in {Source.CUSTOMER, Source.MERCHANT}
    was = snapshots.of(ended, reference=request.order if asked else None)
    return replace(event(EventKind.ENDED, ended, at, shard), was=was)


def event(kind: EventKind, subscription: Subscription, at: datetime, shard: int) -> OutboxEvent:
    """Builds an outbox event of the subscription itself, not of one of its invoices.

    It shows the subscription as it is after the event.
    """
    return OutboxEvent(
        id=f"{subscription.id}:{kind}:{at:%Y%m%dT%H%M%S%f}",
        kind=kind,
        merchant=subscription.merchant,
        customer=subscription.customer,
        at=at,
        shard=shard,
        subscription=subscription.id,
        was=snapshots.of(subscription),
    )


def by_dunning(order_id: str, now: datetime) -> CancelRequest:
    """Builds the cancellation request that the end of a retry cycle makes by itself (R-4)."""
    return CancelRequest(When.NOW, Source.DUNNING, now, order_id, reason="unpaid")


def void(invoice: Invoice | None, at: datetime, shard: int) -> tuple[Write, ...]:
    """Voids an open invoice without an attempt under way, so that it is never paid.

    Its payment, if there is one, is cancelled at the gateway by the outbox.
    """
    if invoice is None:
        return ()
    over = invoice.in_state(InvoiceState.VOID)
    event = OutboxEvent(
        id=f"{invoice.id}:{EventKind.PAYMENT_VOID}",
        kind=EventKind.PAYMENT_VOID,
        merchant=invoice.merchant,
        customer=invoice.customer,
        at=at,
        shard=shard,
        invoice=invoice.id,
        subscription=invoice.subscription,
    )
    prepared = () if invoice.gateway_ref is None else (Insert(event),)
    return (Change(invoice, over, expecting=INVOICE_AS_READ), *prepared)
