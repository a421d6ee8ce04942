"""Refunds: reserved, asked of the gateway, settled; found and finished when killed in between
(B-7)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from billing import refunds
from billing.errors import Conflict, NotFound, Refused, Unavailable, Unreachable
from billing.flows import charging
from billing.gateways import RefundFailed, RefundSucceeded
from billing.orders import Invoice, Order, OrderKind
from billing.ports import Ports
from billing.refunds import Refund, RefundState
from billing.storage import Due
from billing.subscription import Source

REFUNDABLE = frozenset({OrderKind.SALE, OrderKind.REBILL})
ATTEMPTS = 8


def request(
    ports: Ports,
    merchant: str,
    order: str,
    *,
    amount_minor: int | None,
    source: Source,
    now: datetime,
    reason: str | None = None,
    name: str | None = None,
) -> Order:
    """Refund a payment, all that is left of it or `amount_minor`; the entry of kind refund.

    A refund that is asked for again by the same `name` is the same refund.

    Raises `NotFound`, `Refused` (not_refundable, already_refunded, disputed, account_gone,
    refund_failed, refund_returned), `Invalid`, `Unavailable` where this environment is
    disarmed, and `Unreachable` when the gateway's answer is not known: the refund then stands, and
    is finished without being asked for again.
    """
    paid = ports.store.order_by_id(merchant, order)
    if paid is None:
        raise NotFound("There is no such order.")
    if paid.kind not in REFUNDABLE or paid.invoice is None or paid.customer is None:
        raise Refused("Only a payment can be refunded.", code="not_refundable")
    refund = _known(ports, paid, name)
    if refund is None:
        _refuse_unreachable(ports, paid)
        _refuse_disputed(ports, paid)
        refund = _reserve(ports, paid, amount_minor, name, source, reason, now)
    settled = _settled(ports, refund, now)
    if settled.state is RefundState.FAILED:
        raise Refused("The gateway refused the refund.", code="refund_failed")
    if settled.state is RefundState.RETURNED:
        raise Refused(
            "The customer's bank sent this refund back; give it back another way.",
            code="refund_returned",
        )
    return _entry(ports, settled)


def finish(ports: Ports, leases: Sequence[Due], *, now: datetime) -> Counter[str]:
    """Finish refunds whose answer nobody waited for: by what the gateway has, sent again only when
    it has none."""
    tally: Counter[str] = Counter()
    for lease in leases:
        merchant, customer, refund_id = lease.owner
        refund = ports.store.refund(merchant, customer, refund_id)
        if refund is None or refund.due_at != lease.due_at:
            tally["stale"] += 1
            continue
        try:
            tally[f"refund_{_settled(ports, refund, now).state}"] += 1
        except Conflict:
            tally["conflict"] += 1
        except Unavailable:
            tally["unknown"] += 1
        except NotFound:
            tally["account_gone"] += 1
    return tally


def _known(ports: Ports, paid: Order, name: str | None) -> Refund | None:
    if name is None:
        return None
    assert paid.customer is not None and paid.invoice is not None, "a payment has both"
    named = refunds.refund_id(paid.invoice, name)
    return ports.store.refund(paid.merchant, paid.customer, named)


def _settled(ports: Ports, refund: Refund, now: datetime) -> Refund:
    """The refund as the gateway has it; asked for (again) only where the gateway has none."""
    if refund.state is not RefundState.REQUESTED:
        return refund
    charging.refuse_disarmed(ports, refund.merchant)
    gateway = ports.gateway_of(refund)
    outcome = gateway.find_refund(refund.gateway_ref, key=refund.id) or gateway.refund(
        refund.gateway_ref, refund.amount, key=refund.id
    )
    return _settle(ports, refund, outcome, now)


def _refuse_unreachable(ports: Ports, paid: Order) -> None:
    """Nothing is reserved that could not be asked for now (W-5, W-6)."""
    charging.refuse_disarmed(ports, paid.merchant)
    if not charging.is_there(ports, _invoice(ports, paid)):
        raise Refused(
            "The gateway account of this payment is gone; refund it there.", code="account_gone"
        )


def _refuse_disputed(ports: Ports, paid: Order) -> None:
    if paid.subscription is None:
        return
    assert paid.customer is not None, "a payment has a customer"
    subscription = ports.store.subscription(paid.merchant, paid.customer, paid.subscription)
    if subscription is not None and subscription.dispute == "open":
        raise Refused("A dispute about this subscription is open.", code="disputed")


def _reserve(
    ports: Ports,
    paid: Order,
    amount_minor: int | None,
    name: str | None,
    source: Source,
    reason: str | None,
    now: datetime,
) -> Refund:
    for _ in range(ATTEMPTS):
        invoice = _invoice(ports, paid)
        refund, write = refunds.reserve(
            invoice,
            refunds.amount_of(invoice, amount_minor),
            name=name,
            source=source,
            order_id=ports.new_id("order"),
            reason=reason,
            now=now,
            due_at=now + ports.operation.lease,
            shard=ports.shard_of(invoice.id),
        )
        try:
            ports.store.commit(*write)
        except Conflict:
            continue
        return refund
    raise Conflict("The payment is busy; nothing was refunded. Try again.")


def _settle(
    ports: Ports,
    refund: Refund,
    outcome: RefundSucceeded | RefundFailed,
    now: datetime,
) -> Refund:
    """Settle, however often other writers come between; what another has settled stays."""
    for _ in range(ATTEMPTS):
        history = ports.store.history(refund.merchant, refund.customer)
        invoice = next(i for i in history.invoices if i.id == refund.invoice)
        paid = next(o for o in history.orders if o.id == refund.paid_order)
        settled, write = refunds.settle(refund, outcome, invoice, paid, history.entitlements, now)
        try:
            ports.store.commit(*write)
        except Conflict:
            fresh = ports.store.refund(refund.merchant, refund.customer, refund.id)
            assert fresh is not None, "a refund is never removed"
            if fresh.state is not RefundState.REQUESTED:
                return fresh
            refund = fresh
            continue
        return settled
    raise Unreachable("The refund is under way and is booked in a moment.")


def _invoice(ports: Ports, paid: Order) -> Invoice:
    assert paid.customer is not None and paid.invoice is not None, "a payment has both"
    invoice = ports.store.invoice(paid.merchant, paid.customer, paid.invoice)
    assert invoice is not None, "written with its order"
    return invoice


def _entry(ports: Ports, refund: Refund) -> Order:
    orders = ports.store.history(refund.merchant, refund.customer).orders
    return next(order for order in orders if order.id == refund.order_id)
