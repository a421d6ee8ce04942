"""Refunds: how much may go back, until when, and the writes of each step (B-7).

A refund is reserved on the invoice first, then asked of the gateway under its own id, then settled:
one that is killed in between is found by its due date, and never sent twice (ARCHITECTURE.md, 3).
Changes of refunds that the gateway makes by itself are in `gateway_refunds`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from billing.kernel import ledger, policy
from billing.kernel.customers import Entitlement
from billing.kernel.due import DueKind
from billing.kernel.errors import Invalid, Refused
from billing.kernel.funds import Taken
from billing.kernel.gateways import DisputeStanding, RefundFailed, RefundSucceeded
from billing.kernel.invoices import NOT_TAX, Invoice, InvoiceState
from billing.kernel.money import Money, half_up
from billing.kernel.orders import Order, OrderKind, Returned
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.periods import Anchor
from billing.kernel.subscription import Source, Subscription
from billing.kernel.writes import Change, ConditionCheck, Entity, Insert, Transaction, Write
from billing.kernel.writes import left as left_by

RESERVATION = ("state", "refund_reserved_minor", "refunds", "dispute", "disputed_minor")
"""Invoice fields that a reservation depends on: no two reserve the same money."""


class RefundState(StrEnum):
    """The state of a refund.

    `requested` until the gateway's outcome is known; `failed` moved no money; `returned` was sent
    back by the customer's bank.
    """

    REQUESTED = "requested"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True)
class Refund(Entity):
    """A refund on its way to the customer.

    `id` is `<invoice>:<name>`, the gateway's idempotency key too. `due_at` is when the worker
    looks, while the gateway's answer is not known; `number` the credit note's, given without gaps
    once it succeeded (M-7). `gateway_refund` is the gateway's own id, `failure` its reason why
    nothing was refunded, or why it came back at `returned_at`. `took` is what it took out of the
    subscription's funds, None where there was nothing to take; `returned` what people see of that.
    """

    alarm: ClassVar[DueKind] = DueKind.REFUND

    id: str
    merchant: str
    customer: str
    invoice: str
    paid_order: str
    amount: Money
    gateway: str
    gateway_account: str
    gateway_ref: str
    order_id: str
    source: Source
    requested_at: datetime
    shard: int
    due_at: datetime | None
    state: RefundState = RefundState.REQUESTED
    reason: str | None = None
    settled_at: datetime | None = None
    number: str | None = None
    gateway_refund: str | None = None
    failure: str | None = None
    returned_at: datetime | None = None
    took: Taken | None = None
    returned: Returned | None = None


def window_ends_at(paid_at: datetime, days: int, zone: str) -> datetime:
    """Returns the end of the customer's refund window (B-7).

    A window of `days` closes with the merchant's local day N after the payment.
    """
    midnight = Anchor.at(paid_at, zone).wall.replace(hour=0, minute=0, second=0, microsecond=0)
    return Anchor(midnight + timedelta(days=days + 1), zone).instant


def refundable(invoice: Invoice) -> Money:
    """Returns the refundable rest of a paid invoice.

    That is what has not gone back and is not about to, refunded or charged back.
    """
    if invoice.state is not InvoiceState.PAID or invoice.gateway_ref is None:
        return replace(invoice.total, amount_minor=0)
    left = invoice.total.amount_minor - invoice.refund_reserved_minor - invoice.disputed_minor
    return replace(invoice.total, amount_minor=max(0, left))


def automatic(invoice: Invoice, subscription: Subscription | None, opened: Invoice | None) -> Money:
    """Returns how much of a payment customers may take back by themselves (B-7).

    That is at most what was paid for its period, less the credit of it that has paid for other
    periods, or is about to: `opened` is the subscription's open invoice.
    """
    left = refundable(invoice)
    share = None if subscription is None else subscription.money.share(invoice.paid_in)
    if subscription is None or share is None:
        return left
    if opened is not None and opened.credit_minor > 0:
        used = subscription.money.renewed(subscription.period, 0, opened.credit_minor)
        share = used.share(invoice.paid_in) or share
    net = before_tax(invoice, left)
    if share.returnable_minor >= net:
        return left
    with_tax = half_up(share.returnable_minor * left.amount_minor, net)
    return replace(left, amount_minor=with_tax)


@dataclass(frozen=True, slots=True)
class Effect:
    """The effect of refunding all that is left of a payment (B-7).

    `amount` goes back, with it `credit` of the subscription ends; `used` has paid for other periods
    as credit: it stays with the merchant unless they give it back by hand.
    """

    amount: Money
    credit: Money
    used: Money


def effect(
    invoice: Invoice,
    subscription: Subscription | None,
    opened: Invoice | None,
    *,
    by_hand: bool,
) -> Effect:
    """Returns the effect of a full refund now, by the merchant's hand or without it."""
    left, most = refundable(invoice), automatic(invoice, subscription, opened)
    amount = left if by_hand else most
    took, _ = taken_back(subscription, invoice, amount)
    credit = 0 if took is None else took.credit_minor
    return Effect(amount, replace(left, amount_minor=credit), left - most)


def before_tax(invoice: Invoice, amount: Money) -> int:
    """Returns the net part of what goes back now, without tax, in minor units.

    Rounded half up over the sum of all that goes back, so that a payment that goes back whole gives
    back its whole net amount.
    """
    net = sum(line.amount.amount_minor for line in invoice.lines if line.kind in NOT_TAX)
    total, before = invoice.total.amount_minor, invoice.refund_reserved_minor
    if net == total:
        return amount.amount_minor
    return half_up((before + amount.amount_minor) * net, total) - half_up(before * net, total)


def amount_of(invoice: Invoice, amount_minor: int | None, at_most: Money | None = None) -> Money:
    """Returns the amount asked for, or all that is left; `Refused` or `Invalid` beyond that.

    `at_most` is less than what is left where some of it was used as credit (`automatic`).
    """
    if invoice.dispute == DisputeStanding.OPEN:
        raise Refused("disputed")
    left = refundable(invoice)
    if not left and invoice.disputed_minor:
        raise Refused("charged_back", code="disputed")
    if not left:
        raise Refused("already_refunded")
    if at_most is not None and not at_most:
        raise Refused("credit_used")
    left = left if at_most is None else at_most
    if amount_minor is None:
        return left
    if not 1 <= amount_minor <= left.amount_minor:
        raise Invalid(
            "amount_out_of_range", field="amount", least=replace(left, amount_minor=1), most=left
        )
    return replace(left, amount_minor=amount_minor)


def is_open(invoice: Invoice) -> bool:
    """Tells whether a refund of the payment is under way."""
    return invoice.refund_reserved_minor > invoice.refunded_minor


def refuse_open(invoice: Invoice) -> None:
    """Raises `Refused` (refund_open) while a refund of the payment is under way.

    Without a name a second request cannot be distinguished from the first one sent again.
    """
    if is_open(invoice):
        raise Refused("refund_open")


def refund_id(invoice: str, name: str) -> str:
    """Returns the id of the refund of an invoice that is called `name`."""
    return f"{invoice}:{name}"


def reserve(
    invoice: Invoice,
    amount: Money,
    subscription: Subscription | None,
    opened: Invoice | None,
    *,
    name: str | None,
    source: Source,
    order_id: str,
    reason: str | None,
    now: datetime,
    due_at: datetime,
    shard: int,
    of_credit: bool = False,
) -> tuple[Refund, Transaction]:
    """Reserves the money of a refund (step 1), before the gateway is asked.

    `name` is the caller's name for this refund, so that asking again is not a second one. It takes
    back the credit and the unused time that the payment gave, or with `of_credit` the credit of
    whichever payment (A-4, B-7). `opened` is the subscription's open invoice.
    """
    assert invoice.gateway_ref is not None, "money that was taken can be given back"
    took, writes = taken_back(subscription, invoice, amount, of_credit=of_credit)
    reserved = replace(
        invoice,
        refund_reserved_minor=invoice.refund_reserved_minor + amount.amount_minor,
        refunds=invoice.refunds + 1,
    )
    refund = Refund(
        id=refund_id(invoice.id, name or f"r{invoice.refunds + 1}"),
        merchant=invoice.merchant,
        customer=invoice.customer,
        invoice=invoice.id,
        paid_order=invoice.order_id,
        amount=amount,
        gateway=invoice.gateway,
        gateway_account=invoice.gateway_account,
        gateway_ref=invoice.gateway_ref,
        order_id=order_id,
        source=source,
        requested_at=now,
        shard=shard,
        due_at=due_at,
        reason=reason,
        took=took,
        returned=told(reserved, subscription and left_by(subscription, writes), opened, took),
    )
    if subscription is not None and not writes:
        # It may take nothing out of it, and is still decided by it: by a dispute, by what is used.
        writes = (ConditionCheck(subscription, expecting=policy.MONEY),)
    return refund, (Change(invoice, reserved, expecting=RESERVATION), Insert(refund), *writes)


def taken_back(
    subscription: Subscription | None, invoice: Invoice, amount: Money, *, of_credit: bool = False
) -> tuple[Taken | None, tuple[Write, ...]]:
    """Takes a refund out of its subscription's funds: what it took, and the write of it (B-7)."""
    if subscription is None:
        return None, ()
    minor = before_tax(invoice, amount)
    if of_credit:
        after = subscription.returning_credit(minor)
    else:
        after = subscription.returning(invoice.paid_in, minor)
    if after == subscription:
        return None, ()
    return subscription.taken(after, minor), (Change(subscription, after, expecting=policy.MONEY),)


def told(
    invoice: Invoice, subscription: Subscription | None, opened: Invoice | None, took: Taken | None
) -> Returned:
    """Summarizes a refund for people: credit taken, what is left, what was used as credit (B-7).

    The amounts are those of its payment after the refund.
    """
    left = refundable(invoice)
    used = left - automatic(invoice, subscription, opened)
    credit = 0 if took is None else took.credit_minor
    return Returned(credit, left.amount_minor, used.amount_minor)


def restored(
    refund: Refund, invoice: Invoice, subscription: Subscription | None
) -> tuple[Write, ...]:
    """Restores the funds that a failed refund had taken."""
    if refund.took is None or subscription is None:
        return ()
    again = subscription.not_returned(invoice.paid_in, refund.took)
    return (Change(subscription, again, expecting=policy.MONEY),)


def settle(
    refund: Refund,
    outcome: RefundSucceeded | RefundFailed,
    invoice: Invoice,
    paid: Order,
    entitlements: Iterable[Entitlement],
    now: datetime,
    subscription: Subscription | None,
) -> tuple[Refund, Transaction]:
    """Books a refund with its own entry, or gives the reservation back (step 3)."""
    if isinstance(outcome, RefundFailed):
        failed = replace(
            refund,
            state=RefundState.FAILED,
            due_at=None,
            settled_at=now,
            failure=outcome.code,
        )
        left = invoice.refund_reserved_minor - refund.amount.amount_minor
        given_back = replace(invoice, refund_reserved_minor=left)
        return failed, (
            Change(refund, failed, expecting=("state",)),
            Change(invoice, given_back),
            *restored(refund, invoice, subscription),
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
        Change(invoice, replace(invoice, refunded_minor=refunded)),
        *booked(done, invoice, paid, entitlements, now),
    )


def booked(
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
        Insert(ledger.refund(refund.id, invoice, refund.amount, now)),
        Insert(fact(EventKind.REFUNDED, refund, invoice, now)),
        *_revoked(invoice, refunded, entitlements, now),
    )


def _revoked(
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
    )


def fact(kind: EventKind, refund: Refund, invoice: Invoice, now: datetime) -> OutboxEvent:
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
