"""Chargebacks: money that a bank took back, and the rules until it is decided (W-4).

Open: nothing of the subscription is charged, nothing of the payment refunded. Won: it goes on at
the next date, nothing is caught up. Lost: cancelled, with the gateway as the source. Pure; each
function is one transaction, each conditional on what it depends on. The records are `chargebacks`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from billing.cancel import cancellation
from billing.kernel import charge_eligibility, ledger
from billing.kernel.customers import Entitlement
from billing.kernel.fund_shares import Taken
from billing.kernel.gateways import Dispute, DisputeStanding
from billing.kernel.invoices import UNDER_WAY, Invoice
from billing.kernel.money import Money
from billing.kernel.orders import Order, OrderKind
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.subscription import CHARGEABLE, CancelRequest, Source, Subscription, When
from billing.kernel.values import Value, replace
from billing.kernel.writes import Change, ConditionCheck, Insert, Transaction, Write, left
from billing.refunds import value
from billing.refunds.chargebacks import AS_READ, Chargeback, event_id, standing_of
from billing.refunds.refunds import Refund, RefundState

MONEY = ("state", "dispute", "disputed_minor", "refund_reserved_minor", "refund_taxes_minor")
"""Invoice fields that a chargeback depends on: it and a refund never take the same money."""

REASON = "chargeback"


class Disputed(Value):
    """The records that a chargeback is about, as they were read.

    They are the paid invoice with its refunds, the entry of its payment, its subscription with the
    invoice that is open by now, its access, and the other chargebacks of the same purchase.
    """

    invoice: Invoice
    refunds: tuple[Refund, ...]
    paid: Order
    subscription: Subscription | None
    open_invoice: Invoice | None
    entitlements: tuple[Entitlement, ...]
    others: tuple[Chargeback, ...]


def open_dispute(
    about: Disputed,
    dispute: Dispute,
    before: Chargeback | None,
    now: datetime,
    *,
    order: str,
    revoke: bool,
    shard: int,
) -> Transaction:
    """Opens a chargeback: the bank took the money back, so it is held, listed and booked.

    The merchant is notified. `before` is one that was closed and is open again; `order` the Order
    ID of a new one's entry.
    """
    opened = _reopen(before, now, revoke) if before else _new(about, dispute, now, order, revoke)
    after = replace(opened, taxes=_taxes_in(about, dispute.amount))
    written = Change(before, after, expecting=AS_READ) if before else Insert(after)
    return (
        written,
        *(() if before else (Insert(_entry(about, after, now)),)),
        _invoice_with(about, (*about.others, after)),
        *_book(after, before, about, now),
        *_held(about),
        *(_revoke(about.entitlements, now) if revoke else ()),
        _notify(EventKind.DISPUTE_OPENED, after, now, shard),
    )


def _reopen(before: Chargeback, now: datetime, revoke: bool) -> Chargeback:
    return replace(
        before,
        standing=DisputeStanding.OPEN,
        moves=before.moves + 1,
        revoked_at=now if revoke else before.revoked_at,
    )


def _entry(about: Disputed, chargeback: Chargeback, now: datetime) -> Order:
    return replace(
        about.paid,
        id=chargeback.order,
        kind=OrderKind.CHARGEBACK,
        at=now,
        amount=chargeback.amount,
        refunded_minor=0,
        source=Source.GATEWAY.value,
    )


def _new(about: Disputed, dispute: Dispute, now: datetime, order: str, revoke: bool) -> Chargeback:
    invoice = about.invoice
    return Chargeback(
        id=dispute.id,
        merchant=invoice.merchant,
        customer=invoice.customer,
        invoice=invoice.id,
        purchase=invoice.purchase,
        subscription=invoice.subscription,
        amount=dispute.amount,
        standing=DisputeStanding.OPEN,
        order=order,
        opened_at=dispute.opened_at,
        revoked_at=now if revoke else None,
    )


def win(about: Disputed, before: Chargeback, now: datetime, *, shard: int) -> Transaction:
    """Closes a chargeback as won: access is given back, and charges go on at the next date."""
    after = replace(before, standing=DisputeStanding.WON, moves=before.moves + 1, revoked_at=None)
    given_back = (
        Change(entitlement, replace(entitlement, revoked_at=None))
        for entitlement in about.entitlements
        if before.revoked_at is not None and entitlement.revoked_at == before.revoked_at
    )
    return (
        Change(before, after, expecting=AS_READ),
        _invoice_with(about, (*about.others, after)),
        *_book(after, before, about, now),
        *given_back,
        *_going_on(about, (*about.others, after), now, shard),
        _notify(EventKind.DISPUTE_WON, after, now, shard),
    )


def lose(
    about: Disputed, before: Chargeback, now: datetime, *, order: str, shard: int
) -> Transaction:
    """Closes a chargeback as lost: the subscription is cancelled.

    A one-time purchase is closed when all of its money is gone, as by a full refund (B-7).
    """
    taxes = before.taxes or _taxes_in(about, before.amount)  # not kept of those opened long ago
    lost = replace(before, standing=DisputeStanding.LOST, moves=before.moves + 1, taxes=taxes)
    took, cancelled = _cancel(about, lost, now, order, shard)
    after, invoice = replace(lost, took=took), about.invoice
    nothing_left = invoice.disputed_minor + invoice.refunded_minor >= invoice.total.amount_minor
    closes = invoice.subscription is None and nothing_left
    return (
        Change(before, after, expecting=AS_READ),
        _invoice_with(about, (*about.others, after)),
        *_book(after, before, about, now),
        *(_revoke(about.entitlements, now) if closes else ()),
        *cancelled,
        _notify(EventKind.DISPUTE_LOST, after, now, shard),
    )


def _invoice_with(about: Disputed, chargebacks: Sequence[Chargeback]) -> Change:
    return Change(about.invoice, _disputed_by(about.invoice, chargebacks), expecting=MONEY)


def _disputed_by(invoice: Invoice, chargebacks: Iterable[Chargeback]) -> Invoice:
    mine = [c for c in chargebacks if c.invoice == invoice.id]
    taken = [c for c in mine if c.standing is not DisputeStanding.WON]
    taxes = tuple(map(sum, zip(*(c.taxes for c in taken if c.taxes), strict=True)))
    return replace(
        invoice,
        dispute=standing_of(mine),
        disputed_minor=sum(c.amount.amount_minor for c in taken),
        disputed_taxes_minor=taxes if any(taxes) else (),
    )


def _taxes_in(about: Disputed, amount: Money) -> tuple[int, ...]:
    """Returns how much of each line of tax a chargeback takes, of what others left.

    Refunds under way that it leaves no room for can only fail: what they hold is left as well.
    """
    left = _disputed_by(about.invoice, about.others)
    if amount.amount_minor > left.left_minor:
        for refund in about.refunds:
            if refund.state is RefundState.REQUESTED:
                back = tuple(-tax for tax in refund.taxes)
                left = left.reserving(-refund.amount.amount_minor, back)
    return value.taxes_in(left, amount)


def _book(
    after: Chargeback, before: Chargeback | None, about: Disputed, now: datetime
) -> tuple[Write, ...]:
    was = DisputeStanding.WON if before is None else before.standing
    name, amount = f"{after.id}:{after.moves}", after.amount
    entry = ledger.disputed(name, about.invoice, amount, was, after.standing, now)
    return () if entry is None else (Insert(entry),)


def _held(about: Disputed) -> tuple[Write, ...]:
    """Marks the subscription as disputed and takes away its due date.

    The due date stays if an attempt must still be settled, a change of plan must still expire, or a
    cancellation is pending.
    """
    subscription, invoice = about.subscription, about.open_invoice
    if subscription is None:
        return ()
    marked = replace(subscription, dispute=DisputeStanding.OPEN.value)
    waits = invoice is not None and (invoice.state in UNDER_WAY or invoice.changes_plan)
    if subscription.state in CHARGEABLE and not waits and subscription.cancelling is None:
        marked = replace(marked, due_at=None)
    return (
        Change(subscription, marked, expecting=(*charge_eligibility.LOOKED_AT, "due_at")),
        *_as_it_stands(invoice),
    )


def _going_on(
    about: Disputed, chargebacks: Sequence[Chargeback], now: datetime, shard: int
) -> tuple[Write, ...]:
    subscription, invoice = about.subscription, about.open_invoice
    if subscription is None:
        return ()
    standing = standing_of(chargebacks)
    marked = replace(subscription, dispute=standing)
    expecting = (*charge_eligibility.MONEY, "due_at", "anchor_period")
    if standing != DisputeStanding.WON or subscription.state not in CHARGEABLE:
        return (Change(subscription, marked, expecting=expecting),)
    if invoice is not None and invoice.state in UNDER_WAY:
        settled_first = marked.postponed_to(now)
        return (Change(subscription, settled_first, expecting=expecting), *_as_it_stands(invoice))
    goes_on = marked.at_its_next_date(now)
    return (
        Change(subscription, goes_on, expecting=expecting),
        *cancellation.void(invoice, now, shard),
    )


def _cancel(
    about: Disputed, lost: Chargeback, now: datetime, order: str, shard: int
) -> tuple[Taken | None, tuple[Write, ...]]:
    """Cancels the subscription now; a charge under way is withdrawn first (X-6).

    The gateway's answer about that charge decides. Money that the bank took back is not given back
    a second time, as credit (B-7); returns what that took out of the funds too.
    """
    subscription, invoice = about.subscription, about.open_invoice
    if subscription is None:
        return None, ()
    standing = standing_of((*about.others, lost))
    net_minor = lost.amount.amount_minor - sum(lost.taxes)

    def marked(after: Subscription) -> Subscription:
        return replace(after, dispute=standing).returning(about.invoice.paid_in, net_minor)

    if not subscription.is_live:
        after = marked(subscription)
        write = Change(subscription, after, expecting=charge_eligibility.MONEY)
        return subscription.taken(after, net_minor), (write,)
    request = CancelRequest(When.NOW, Source.GATEWAY, now, order, reason=REASON)
    if invoice is not None and invoice.state in UNDER_WAY:
        writes = cancellation.record(subscription, invoice, request)
    else:
        email = about.invoice.bill_to.email
        writes = cancellation.end_now(subscription, invoice, request, email, shard)
    ending = left(subscription, writes)
    ended = marked(ending)
    return ending.taken(ended, net_minor), tuple(
        replace(
            write, after=ended, expecting=(*charge_eligibility.RESTS, *charge_eligibility.MONEY)
        )
        if isinstance(write, Change) and write.before is subscription
        else write
        for write in writes
    )


def _as_it_stands(invoice: Invoice | None) -> tuple[Write, ...]:
    """Checks that no attempt has begun or ended meanwhile."""
    return (
        ()
        if invoice is None
        else (ConditionCheck(invoice, expecting=cancellation.INVOICE_AS_READ),)
    )


def _revoke(entitlements: Iterable[Entitlement], now: datetime) -> tuple[Write, ...]:
    return tuple(
        Change(entitlement, replace(entitlement, revoked_at=now))
        for entitlement in entitlements
        if entitlement.revoked_at is None
    )


def _notify(kind: EventKind, chargeback: Chargeback, now: datetime, shard: int) -> Insert:
    return Insert(
        OutboxEvent(
            id=event_id(kind, chargeback),
            kind=kind,
            merchant=chargeback.merchant,
            customer=chargeback.customer,
            at=now,
            shard=shard,
            invoice=chargeback.invoice,
            subscription=chargeback.subscription,
            code=chargeback.id,
        )
    )
