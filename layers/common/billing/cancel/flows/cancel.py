"""Cancellations: asked for, undone, and carried out when the period ends (X-1 .. X-9).

A cancellation and a charge that meet are put in one order by the subscription's own conditions: a
charge past the point of no return is withdrawn at the gateway, and the gateway's answer decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from functools import partial

from billing.cancel import cancellation
from billing.kernel.due import DueKind
from billing.kernel.errors import Conflict, NotFound, Refused, Unavailable
from billing.kernel.flows import due, gateway_payments, subscriptions
from billing.kernel.invoices import FINAL, UNDER_WAY, Invoice
from billing.kernel.orders import Order
from billing.kernel.ports import Ports
from billing.kernel.storage import Due, History
from billing.kernel.subscription import CancelRequest, Source, State, Subscription, When
from billing.kernel.values import Value
from billing.kernel.writes import Transaction, left


class Result(StrEnum):
    """The result of a cancellation request."""

    ENDED = "ended"
    PENDING = "pending"
    CHARGE_UNDER_WAY = "charge_under_way"


class Ending(Value):
    """The subscription after a request, and the request's result."""

    subscription: Subscription
    result: Result


def request(
    ports: Ports,
    subscription: Subscription,
    *,
    when: When,
    source: Source,
    now: datetime,
    reason: str | None = None,
    comment: str | None = None,
    ticket: str | None = None,
    also: Transaction = (),
) -> Ending:
    """Ends a subscription now or at the end of its period; asking again changes nothing.

    `now` is the date of the request, `ticket` the one that is approved with it. `also` is written
    with it, or not at all.

    It is decided by the subscription as it was read, and anew where that has changed. Raises
    `Refused` (already_cancelled, completed) for what has ended.
    """
    order = ports.new_id("order")
    asked = CancelRequest(when, source, now, order, reason, comment, ticket)
    return subscriptions.decided(
        ports, subscription, lambda found: _decide(ports, found, asked, also)
    )


def undo(
    ports: Ports, subscription: Subscription, *, now: datetime, history: History | None = None
) -> Subscription:
    """Undoes the cancellation that is pending as the subscription was read (X-5).

    `history` is what the caller has read of its customer. Raises `Refused` (not_pending), also
    once the end has come (X-4), and `Conflict` where another cancellation has taken its place.
    """
    asked = subscription.cancelling

    def undone(found: Subscription) -> Subscription:
        if found.state in {State.TRIALING, State.ACTIVE} and found.cancelling is None:
            return found
        if found.state is not State.CANCEL_PENDING or not found.ends_at or found.ends_at <= now:
            raise Refused("not_pending")
        if asked is None or found.cancelling != asked:
            raise Conflict()
        known = history if found is subscription else None
        requested = _request_of(ports, found, asked, known)
        write = cancellation.undo(found, requested, now, ports.shard_of(found.id))
        ports.store.commit(*write)
        return left(found, write)

    return subscriptions.decided(ports, subscription, undone)


def sweep(
    ports: Ports,
    *,
    now: datetime,
    limit: int = 500,
    keep_going: Callable[[], bool] = lambda: True,
) -> Counter[str]:
    """Carries out delayed cancellations whose period has ended (X-2); a replay finds none left."""
    dues = due.overdue(ports, DueKind.CANCEL, now=now, limit=limit)
    look = partial(_end_pending, ports, now)
    seen = due.answer(ports, dues, look, now=now, keep_going=keep_going)
    return Counter(due=len(dues)) + seen


def _decide(
    ports: Ports, subscription: Subscription, asked: CancelRequest, also: Transaction
) -> Ending:
    if not subscription.is_live or _has_ended(subscription, asked.requested_at):
        code = "completed" if subscription.state is State.COMPLETED else "already_cancelled"
        raise Refused(code)
    pending = subscription.state is State.CANCEL_PENDING
    if pending and asked.when is When.PERIOD_END:
        return Ending(subscription, Result.PENDING)
    invoice = _open_invoice(ports, subscription)
    if invoice is not None and invoice.state in FINAL:
        raise Conflict()
    if invoice is not None and invoice.state in UNDER_WAY:
        return _record(ports, subscription, invoice, asked, also)
    email, shard = _email(ports, subscription), ports.shard_of(subscription.id)
    changing = invoice is not None and invoice.changes_plan
    if cancellation.takes_effect_now(subscription, asked, changing_plan=changing):
        write = cancellation.end_now(subscription, invoice, asked, email, shard)
        result = Result.ENDED
    else:
        write = cancellation.at_period_end(subscription, invoice, asked, email, shard)
        result = Result.PENDING
    ports.store.commit(*write, *also)
    return Ending(left(subscription, write), result)


def _record(
    ports: Ports,
    subscription: Subscription,
    invoice: Invoice,
    asked: CancelRequest,
    also: Transaction,
) -> Ending:
    """Records the request while a charge is under way, and withdraws the payment at once."""
    recorded = subscription.cancelling
    if recorded is None or (recorded.when is not When.NOW and asked.when is When.NOW):
        write = cancellation.record(subscription, invoice, asked)
        ports.store.commit(*write, *also)
        subscription = left(subscription, write)
    _withdraw(ports, invoice)
    return Ending(subscription, Result.CHARGE_UNDER_WAY)


def _withdraw(ports: Ports, invoice: Invoice) -> None:
    """Withdraws the payment; the sooner it is asked, the likelier the gateway has not charged yet.

    The worker settles the gateway's answer.
    """
    try:
        gateway_payments.withdraw(ports, invoice)
    except (NotFound, Unavailable):
        return  # It has a due date: the worker asks again.


def _end_pending(ports: Ports, now: datetime, due: Due) -> str:
    merchant, customer, subscription_id = due.owner
    subscription = ports.store.subscription(merchant, customer, subscription_id)
    if (
        subscription is None
        or subscription.state is not State.CANCEL_PENDING
        or not _has_ended(subscription, now)
    ):
        return "stale"
    email, shard = _email(ports, subscription), ports.shard_of(subscription.id)
    order = ports.new_id("order")
    ports.store.commit(*cancellation.end_pending(subscription, order, now, email, shard))
    return "ended"


def _has_ended(subscription: Subscription, now: datetime) -> bool:
    """Tells whether it ended: `ends_at <= now` counts, whether or not the sweep has come (X-4)."""
    return subscription.ends_at is not None and subscription.ends_at <= now


def _request_of(
    ports: Ports, subscription: Subscription, asked: CancelRequest, known: History | None
) -> Order:
    """Returns the entry of a cancellation, from what the caller has read or as it is now."""
    orders = () if known is None else known.orders
    found = next((order for order in orders if order.id == asked.order), None)
    if found is None:
        owner = (subscription.merchant, subscription.customer)
        found = ports.store.order(*owner, asked.order, since=asked.requested_at)
    if found is None:
        raise Conflict()  # an index may not know yet what was asked for a moment ago
    return found


def _open_invoice(ports: Ports, subscription: Subscription) -> Invoice | None:
    if subscription.open_invoice is None:
        return None
    return ports.store.invoice(
        subscription.merchant, subscription.customer, subscription.open_invoice
    )


def _email(ports: Ports, subscription: Subscription) -> str:
    purchase = (subscription.merchant, subscription.customer, subscription.id)
    (found,) = ports.store.bill_tos([purchase])
    if found is None:
        assert subscription.state is State.INCOMPLETE, "written with the purchase"
        raise NotFound("subscription_unknown")  # left with its source since it was read
    return found.bill_to.email
