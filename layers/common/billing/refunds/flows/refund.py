"""Refunds: reserved, asked of the gateway, settled; finished if interrupted (B-7)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from billing.kernel.errors import Conflict, NotFound, Refused, Unavailable, Uncertain, Unreachable
from billing.kernel.flows import gateway_payments
from billing.kernel.gateways import RefundFailed, RefundSucceeded
from billing.kernel.invoices import Invoice
from billing.kernel.money import Money
from billing.kernel.orders import Order, OrderKind
from billing.kernel.ports import Ports
from billing.kernel.storage import Due
from billing.kernel.subscription import Source, Subscription
from billing.refunds import refunds
from billing.refunds.refunds import Refund, RefundState

REFUNDABLE = frozenset({OrderKind.SALE, OrderKind.REBILL})
ATTEMPTS = 8


class Takes(StrEnum):
    """The credit of a subscription that a refund takes back (A-4, B-7).

    `own`: first the credit that its payment's period gave; as much of the payment as is left may go
    back. `unused_only`: the same, and no more goes back than was paid less credit already used.
    `credit`: it gives credit back as money, whichever payment the credit came from.
    """

    OWN = "own"
    UNUSED_ONLY = "unused_only"
    CREDIT = "credit"


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A refund that is recorded and will be finished; `entry` is the order entry as it will be."""

    entry: Order


def request(
    ports: Ports,
    merchant: str,
    order: str | Order,
    *,
    amount_minor: int | None,
    source: Source,
    now: datetime,
    reason: str | None = None,
    name: str | None = None,
    takes: Takes = Takes.OWN,
) -> Order | UnderWay:
    """Refunds a payment, all that is left of it or `amount_minor`; returns the refund's entry.

    `order` is the payment's entry, or its Order ID where that is not loaded.

    A refund that is asked for again by the same `name` is the same refund. One without a name is
    refused while another of the payment is under way. Once it is recorded it is answered, done or
    under way, whatever does not answer here. `takes` decides which of the subscription's credit it
    takes back.

    Raises `NotFound`, `Refused` (not_refundable, already_refunded, credit_used, refund_open,
    disputed, account_gone, refund_failed, refund_returned), `Invalid`, `Unavailable` before
    anything is recorded, and `Uncertain` where nobody can say whether it is.
    """
    paid = order if isinstance(order, Order) else ports.store.order_by_id(merchant, order)
    if paid is None:
        raise NotFound("order_unknown")
    if paid.kind not in REFUNDABLE or paid.invoice is None or paid.customer is None:
        raise Refused("not_refundable")
    refund = _known(ports, paid, name)
    if refund is None:
        _refuse_unreachable(ports, paid)
        refund = _reserve(ports, paid, amount_minor, name, source, reason, now, takes)
    try:
        settled = _settled(ports, refund, now)
    except (Conflict, NotFound, Unavailable):
        return UnderWay(refunds.entry(refund, paid))  # `finish` has the same three, and goes on
    if settled.state is RefundState.FAILED:
        raise Refused("refund_failed")
    if settled.state is RefundState.RETURNED:
        raise Refused("refund_returned")
    return refunds.entry(settled, paid)


def finish(ports: Ports, leases: Sequence[Due], *, now: datetime) -> Counter[str]:
    """Finishes refunds whose answer nobody waited for.

    The gateway's record decides; a refund is sent again only when the gateway has none.
    """
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
    """Settles the refund as the gateway has it; asks for it where the gateway has none.

    It may have been asked for before.
    """
    if refund.state is not RefundState.REQUESTED:
        return refund
    gateway_payments.refuse_disarmed(ports, refund.merchant)
    gateway = ports.gateway_of(refund)
    outcome = gateway.find_refund(refund.gateway_ref, key=refund.id) or gateway.refund(
        refund.gateway_ref, refund.amount, key=refund.id
    )
    return _settle(ports, refund, outcome, now)


def _refuse_unreachable(ports: Ports, paid: Order) -> None:
    """Refuses a refund that could not be asked for now, before it is reserved (W-5, W-6)."""
    gateway_payments.refuse_disarmed(ports, paid.merchant)
    if not gateway_payments.is_there(ports, _invoice(ports, paid)):
        raise Refused("account_gone")


def effect(ports: Ports, paid: Order) -> refunds.Effect:
    """Returns the effect of refunding all that is left of a payment, by the merchant's hand."""
    invoice, subscription = _invoice(ports, paid), None
    if paid.subscription is not None:
        subscription = ports.store.subscription(*_owner(paid), paid.subscription)
    opened = _opened(ports, subscription)
    return refunds.effect(invoice, subscription, opened, by_hand=True)


def _owner(paid: Order) -> tuple[str, str]:
    assert paid.customer is not None, "a payment has a customer"
    return paid.merchant, paid.customer


def _opened(ports: Ports, subscription: Subscription | None) -> Invoice | None:
    if subscription is None or subscription.open_invoice is None:
        return None
    owner = (subscription.merchant, subscription.customer)
    return ports.store.invoice(*owner, subscription.open_invoice)


def _subscription(ports: Ports, paid: Order) -> Subscription | None:
    """Returns the subscription of a payment; raises `Refused` while it is disputed."""
    if paid.subscription is None:
        return None
    found = ports.store.subscription(*_owner(paid), paid.subscription)
    if found is not None and found.dispute == "open":
        raise Refused("disputed")
    return found


def _at_most(
    invoice: Invoice, subscription: Subscription | None, opened: Invoice | None, takes: Takes
) -> Money | None:
    """Returns the limit beside what is left of the payment; None where there is no other."""
    if takes is Takes.UNUSED_ONLY:
        return refunds.automatic(invoice, subscription, opened)
    if takes is Takes.CREDIT and subscription is not None:
        left = refunds.refundable(invoice)
        return replace(left, amount_minor=min(left.amount_minor, max(0, subscription.credit_minor)))
    return None


def _reserve(
    ports: Ports,
    paid: Order,
    amount_minor: int | None,
    name: str | None,
    source: Source,
    reason: str | None,
    now: datetime,
    takes: Takes,
) -> Refund:
    for _ in range(ATTEMPTS):
        invoice, subscription = _invoice(ports, paid), _subscription(ports, paid)
        opened = _opened(ports, subscription)
        at_most = _at_most(invoice, subscription, opened, takes)
        if name is None:
            refunds.refuse_open(invoice)
        refund, write = refunds.reserve(
            invoice,
            refunds.amount_of(invoice, amount_minor, at_most),
            subscription,
            opened,
            name=name,
            source=source,
            order_id=ports.new_id("order"),
            reason=reason,
            now=now,
            due_at=now + ports.operation.lease,
            shard=ports.shard_of(invoice.id),
            of_credit=takes is Takes.CREDIT,
        )
        try:
            ports.store.commit(*write)
        except Conflict:
            if first := _known(ports, paid, name):
                return first  # the same refund, asked for twice at once
            continue
        except Uncertain:
            if not _is_recorded(ports, refund):
                raise
        return refund
    raise Conflict()


def _is_recorded(ports: Ports, refund: Refund) -> bool:
    """Tells whether a reservation was written although the answer to the write was lost."""
    try:
        stands = ports.store.refund(refund.merchant, refund.customer, refund.id)
    except Unavailable:
        return False
    return stands is not None and stands.order_id == refund.order_id


def _settle(
    ports: Ports,
    refund: Refund,
    outcome: RefundSucceeded | RefundFailed,
    now: datetime,
) -> Refund:
    """Settles a refund, however often other writers come between; a settled one stays."""
    for _ in range(ATTEMPTS):
        history = ports.store.history(refund.merchant, refund.customer)
        invoice = next(i for i in history.invoices if i.id == refund.invoice)
        paid = next(o for o in history.orders if o.id == refund.paid_order)
        subscription = history.subscription(invoice.subscription)
        settled, write = refunds.settle(
            refund, outcome, invoice, paid, history.entitlements, now, subscription
        )
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
