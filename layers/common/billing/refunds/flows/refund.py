"""Refunds: reserved, asked of the gateway, settled; finished if interrupted (B-7)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from billing.kernel.errors import Conflict, NotFound, Refused, Unavailable, Uncertain, Unreachable
from billing.kernel.flows import gateway_payments
from billing.kernel.gateways import RefundFailed, RefundSucceeded
from billing.kernel.invoices import Invoice
from billing.kernel.merchants import Merchant
from billing.kernel.money import Money
from billing.kernel.orders import PAYMENTS, Order
from billing.kernel.ports import Ports
from billing.kernel.storage import Due
from billing.kernel.subscription import Source, Subscription
from billing.kernel.values import Value, replace
from billing.refunds import booking, refunds, value
from billing.refunds.flows import taken_money
from billing.refunds.payment import Payment
from billing.refunds.refunds import Refund, RefundState

ATTEMPTS = 8


class Takes(StrEnum):
    """The credit of a subscription that a refund takes back (A-4, B-7).

    `own`: first the credit that its payment's period gave; as much of the payment as is left may go
    back. `unused_only`: the same, and no more goes back than was paid less credit already used.
    `credit`: it gives credit back as money, whichever payment the credit came from. `none`: it is
    the tax of the payment alone, all that is left of it (C-7).
    """

    OWN = "own"
    UNUSED_ONLY = "unused_only"
    CREDIT = "credit"
    NONE = "none"


class UnderWay(Value):
    """A refund that is recorded and will be finished; `entry` is the order entry as it will be."""

    entry: Order


def payment(ports: Ports, merchant: str, order: str) -> Payment:
    """Reads a payment by its Order ID, with everything that a refund of it depends on.

    Raises `NotFound`, and `Refused` (not_refundable) for an entry that is no payment.
    """
    found = ports.store.payment_of_order(merchant, order)
    if found is None:
        raise NotFound("order_unknown")
    (paid,) = found.orders
    if paid.kind not in PAYMENTS or paid.invoice is None or paid.customer is None:
        raise Refused("not_refundable")
    return Payment.of(found, paid.id)


def request(
    ports: Ports,
    paid: Payment,
    *,
    amount_minor: int | None,
    source: Source,
    now: datetime,
    reason: str | None = None,
    name: str | None = None,
    takes: Takes = Takes.OWN,
) -> Order | UnderWay:
    """Refunds a payment, all that is left of it or `amount_minor`; returns the refund's entry.

    A refund that is asked for again by the same `name` is the same refund. One without a name is
    refused while another of the payment is under way. Once it is recorded it is answered, done or
    under way, whatever does not answer here. `takes` decides which of the subscription's credit it
    takes back.

    Raises `Refused` (already_refunded, credit_used, refund_open, disputed, account_gone,
    refund_failed, refund_returned; of tax alone: not_taxed, tax_refunded), `Invalid`, `Unavailable`
    before anything is recorded, and `Uncertain` where nobody can say whether it is.
    """
    refund = paid.refund(name)
    if refund is None:
        _refuse_unreachable(ports, paid.invoice)
        refund = _reserve(ports, paid, amount_minor, name, source, reason, now, takes)
    try:
        settled = _settle_known(ports, refund, now)
    except (Conflict, NotFound, Unavailable):
        # `finish` has the same three, and goes on.
        return UnderWay(booking.entry(refund, paid.order))
    if settled.state is RefundState.FAILED:
        raise Refused("refund_failed")
    if settled.state is RefundState.RETURNED:
        raise Refused("refund_returned")
    return booking.entry(settled, paid.order)


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
            tally[f"refund_{_settle_known(ports, refund, now).state}"] += 1
        except Conflict:
            tally["conflict"] += 1
        except Unavailable:
            tally["unknown"] += 1
        except NotFound:
            tally["account_gone"] += 1
    return tally


def _settle_known(ports: Ports, refund: Refund, now: datetime) -> Refund:
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


def _refuse_unreachable(ports: Ports, invoice: Invoice) -> None:
    """Refuses a refund that could not be asked for now, before it is reserved (W-5, W-6)."""
    merchant = gateway_payments.refuse_disarmed(ports, invoice.merchant)
    if not gateway_payments.is_there(ports, invoice, merchant):
        raise Refused("account_gone")


def is_refused(
    ports: Ports, merchant: Merchant, invoice: Invoice, subscription: Subscription
) -> bool:
    """Tells whether `request` would refuse to refund a payment of a subscription now.

    What the gateway says only shows once it is asked.
    """
    try:
        _refuse_disputed(subscription)
        value.amount_of(invoice, None)
    except Refused:
        return True
    return not gateway_payments.is_there(ports, invoice, merchant)


def _refuse_disputed(subscription: Subscription | None) -> None:
    """Raises `Refused` while the subscription of a payment is disputed."""
    if subscription is not None and subscription.dispute == "open":
        raise Refused("disputed")


def _at_most(paid: Payment, takes: Takes) -> Money | None:
    """Returns the limit beside what is left of the payment; None where there is no other."""
    if takes is Takes.UNUSED_ONLY:
        return value.automatic(paid.invoice, paid.subscription, paid.opened)
    if takes is Takes.CREDIT and paid.subscription is not None:
        left, credit = value.refundable(paid.invoice), max(0, paid.subscription.credit_minor)
        credit = value.with_tax(paid.invoice, credit).amount_minor
        return replace(left, amount_minor=min(left.amount_minor, credit))
    return None


def _reserve(
    ports: Ports,
    paid: Payment,
    amount_minor: int | None,
    name: str | None,
    source: Source,
    reason: str | None,
    now: datetime,
    takes: Takes,
) -> Refund:
    """Reserves a refund of the payment as it was read; read afresh only where that has changed."""
    for _ in range(ATTEMPTS):
        _refuse_disputed(paid.subscription)
        if name is None:
            value.refuse_open(paid.invoice)
        of_tax = takes is Takes.NONE
        refund, write = refunds.reserve(
            paid.invoice,
            value.tax_left(paid.invoice)
            if of_tax
            else value.amount_of(paid.invoice, amount_minor, _at_most(paid, takes)),
            paid.subscription,
            paid.opened,
            name=name,
            source=source,
            order_id=ports.new_id("order"),
            reason=reason,
            now=now,
            due_at=now + ports.operation.lease,
            shard=ports.shard_of(paid.invoice.purchase),
            of_credit=takes is Takes.CREDIT,
            of_tax=of_tax,
        )
        try:
            ports.store.commit(*write)
        except Conflict:
            owner = (paid.invoice.merchant, paid.invoice.customer)
            paid = Payment.of(ports.store.payment(*owner, paid.invoice.id), paid.order.id)
            if first := paid.refund(name):
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
        current = ports.store.refund(refund.merchant, refund.customer, refund.id)
    except Unavailable:
        return False
    return current is not None and current.order_id == refund.order_id


def _settle(
    ports: Ports,
    refund: Refund,
    outcome: RefundSucceeded | RefundFailed,
    now: datetime,
) -> Refund:
    """Settles a refund, however often other writers come between; a settled one stays."""
    for _ in range(ATTEMPTS):
        history = ports.store.payment(refund.merchant, refund.customer, refund.invoice)
        invoice = next(i for i in history.invoices if i.id == refund.invoice)
        paid = next(o for o in history.orders if o.id == refund.paid_order)
        subscription = history.subscription(invoice.subscription)
        settled, write = booking.settle(
            *(refund, outcome, invoice, paid, history.entitlements, now, subscription),
            others=taken_money.of_payment(ports, history, invoice),
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
