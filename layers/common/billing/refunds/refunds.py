"""Refunds: the writes that reserve one, and their conditions (B-7).

A refund is reserved on the invoice first, then asked of the gateway under its own id, then settled:
one that is killed in between is found by its due date, and never sent twice (ARCHITECTURE.md, 3).
How much may go back is in `value`, settling in `booking`; changes of refunds that the gateway makes
by itself are in `gateway_refunds`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from billing.kernel import charge_eligibility
from billing.kernel.due import DueKind
from billing.kernel.fund_shares import Taken
from billing.kernel.invoices import Invoice
from billing.kernel.money import Money
from billing.kernel.orders import Returned
from billing.kernel.subscription import Source, Subscription
from billing.kernel.values import replace
from billing.kernel.writes import Change, ConditionCheck, Entity, Insert, Transaction, Write
from billing.kernel.writes import left as left_by
from billing.refunds import value
from billing.refunds.chargebacks import AS_READ, Chargeback

RESERVATION = (
    "state",
    "refund_reserved_minor",
    "refund_taxes_minor",
    "refunds",
    "dispute",
    "disputed_minor",
    "disputed_taxes_minor",
)
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


class Refund(Entity):
    """A refund on its way to the customer.

    `id` is `<invoice>:<name>`, the gateway's idempotency key too. `due_at` is when the worker
    looks, while the gateway's answer is not known; `number` the credit note's, given without gaps
    once it succeeded (M-7). `gateway_refund` is the gateway's own id, `failure` its reason why
    nothing was refunded, or why it came back at `returned_at`. `took` is what it took out of the
    subscription's funds, None where there was nothing to take; `returned` what people see of that.
    `taxes` is how much of it is of each line of tax of its invoice.
    """

    due_kind: ClassVar[DueKind] = DueKind.REFUND

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
    taxes: tuple[int, ...] = ()

    @property
    def is_of_tax(self) -> bool:
        """Tells whether it gives back tax alone (C-7)."""
        return bool(self.taxes) and sum(self.taxes) == self.amount.amount_minor


def refund_id(invoice: str, name: str) -> str:
    """Returns the id of the refund of an invoice that is called `name`."""
    return f"{invoice}:{name}"


def why_not_by_customer(
    invoice: Invoice,
    returnable: Money,
    *,
    switched_off: bool,
    window_ends_at: datetime | None,
    now: datetime,
) -> str | None:
    """Returns the code of what forbids a customer's own refund, None if nothing does (B-7).

    `returnable` is what would go back, `window_ends_at` None for a product without refunds.
    """
    if switched_off:
        return "refund_off"
    if not value.refundable(invoice):
        return "already_refunded" if invoice.total else "nothing_paid"
    if not returnable:
        return "credit_used"
    if window_ends_at is None:
        return "no_refunds"
    return "refund_window_over" if now >= window_ends_at else None


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
    of_tax: bool = False,
) -> tuple[Refund, Transaction]:
    """Reserves the money of a refund (step 1), before the gateway is asked.

    `name` is the caller's name for this refund, so that asking again is not a second one. It takes
    back the credit and the unused time that the payment gave, or with `of_credit` the credit of
    whichever payment (A-4, B-7); with `of_tax` neither, for it is tax alone (C-7).
    `opened` is the subscription's open invoice.
    """
    assert invoice.gateway_ref is not None, "money that was taken can be given back"
    taxes = invoice.taxes_left if of_tax else value.taxes_in(invoice, amount)
    took: Taken | None = None
    writes: tuple[Write, ...] = ()
    if not of_tax:
        took, writes = take_back(subscription, invoice, amount, of_credit=of_credit)
    elif subscription is not None:
        # It takes nothing out of it, and is still decided by it: by a dispute, by what is used.
        writes = (ConditionCheck(subscription, expecting=charge_eligibility.MONEY),)
    reserved = replace(invoice.reserving(amount.amount_minor, taxes), refunds=invoice.refunds + 1)
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
        returned=notify(reserved, subscription and left_by(subscription, writes), opened, took),
        taxes=taxes,
    )
    return refund, (Change(invoice, reserved, expecting=RESERVATION), Insert(refund), *writes)


def take_back(
    subscription: Subscription | None, invoice: Invoice, amount: Money, *, of_credit: bool = False
) -> tuple[Taken | None, tuple[Write, ...]]:
    """Takes a refund out of its subscription's funds: what it took, and the write of it (B-7).

    Where it finds nothing to take, the write checks that there is still nothing.
    """
    if subscription is None:
        return None, ()
    minor = value.before_tax(invoice, amount)
    if of_credit:
        after = subscription.returning_credit(invoice.paid_in, minor)
    else:
        after = subscription.returning(invoice.paid_in, minor)
    if after == subscription:
        return None, (ConditionCheck(subscription, expecting=charge_eligibility.MONEY),)
    return subscription.taken(after, minor), (
        Change(subscription, after, expecting=charge_eligibility.MONEY),
    )


def notify(
    invoice: Invoice, subscription: Subscription | None, opened: Invoice | None, took: Taken | None
) -> Returned:
    """Summarizes a refund for people: credit taken, what is left, what was used as credit (B-7).

    The amounts are those of its payment after the refund.
    """
    left = value.refundable(invoice)
    used = left - value.automatic(invoice, subscription, opened)
    credit = 0 if took is None else took.credit_minor
    return Returned(credit, left.amount_minor, used.amount_minor)


def restore(
    refund: Refund,
    invoice: Invoice,
    subscription: Subscription | None,
    others: Iterable[Refund | Chargeback],
) -> tuple[Write, ...]:
    """Restores the funds that a failed refund had taken, less what others lacked because of it."""
    if refund.took is None or subscription is None:
        return ()
    again, late = restored(refund, invoice, subscription, others)
    return (Change(subscription, again, expecting=charge_eligibility.MONEY), *late)


def restored(
    back: Refund | Chargeback,
    invoice: Invoice,
    subscription: Subscription,
    others: Iterable[Refund | Chargeback],
) -> tuple[Subscription, tuple[Write, ...]]:
    """Returns a subscription with the funds again that a failed refund or a chargeback that was won
    had taken, and the writes of what others lacked because of it.

    Of `others`, those of its payment that moved money and found too little in the funds take now
    what is there, whichever came first: clocks do not say. So nothing is given back twice.
    """
    if back.took is None:
        return subscription, ()
    again = subscription.not_returned(invoice.paid_in, back.took, invoice.taxed_by)
    writes: list[Write] = []
    for other in others:
        if not _is_beside(other, back):
            continue
        had = other.took or _took_nothing(other, subscription)
        lacked = had.returned_minor - had.credit_minor - had.in_use_minor
        after = again.taking_late(invoice.paid_in, lacked)
        if after == again:
            continue
        late = again.taken(after, 0)
        took = replace(
            had,
            credit_minor=had.credit_minor + late.credit_minor,
            in_use_minor=had.in_use_minor + late.in_use_minor,
        )
        expecting = AS_READ if isinstance(other, Chargeback) else ("state", "took")
        writes.append(Change(other, replace(other, took=took), expecting=expecting))
        again = after
    return again, tuple(writes)


def _is_beside(other: Refund | Chargeback, back: Refund | Chargeback) -> bool:
    """Tells whether another refund or chargeback took the same payment's money, and has it."""
    if other.invoice != back.invoice or other.id == back.id:
        return False
    if isinstance(other, Chargeback):
        return other.took is not None
    gone = other.state not in {RefundState.FAILED, RefundState.RETURNED}
    return gone and not other.is_of_tax


def _took_nothing(refund: Refund | Chargeback, subscription: Subscription) -> Taken:
    assert isinstance(refund, Refund), "a chargeback says what it took, or is not asked"
    minor = refund.amount.amount_minor - sum(refund.taxes)
    return Taken(minor, 0, 0, subscription.period, subscription.money.since)
