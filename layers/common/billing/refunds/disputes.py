"""Chargebacks: money that a bank took back, and the rules until it is decided (W-4).

Open: nothing of the subscription is charged, nothing of the payment refunded. Won: it goes on at
the next date, nothing is caught up. Lost: cancelled, with the gateway as the source. What was
decided may be decided anew: a gateway may let its seller appeal. Lost, it keeps what its gateway
says that it took, be that another amount than it was opened with. Pure; each function is one
transaction, each conditional on what it depends on. The records are `chargebacks`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from billing.cancel import cancellation
from billing.kernel import charge_eligibility, ledger
from billing.kernel.fund_shares import Taken
from billing.kernel.gateways import Dispute, DisputeStanding
from billing.kernel.invoices import UNDER_WAY, Invoice
from billing.kernel.orders import Order, OrderKind
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.subscription import CHARGEABLE, CancelRequest, Source, When
from billing.kernel.values import replace
from billing.kernel.writes import Change, ConditionCheck, Insert, Transaction, Write
from billing.refunds import refunds
from billing.refunds.chargebacks import AS_READ, Chargeback, event_id, standing_of
from billing.refunds.disputed import (
    Disputed,
    access_closed,
    access_given_back,
    amount_of,
    disputed_by,
    invoice_with,
    taxes_in,
)
from billing.refunds.refunds import Refund

REASON = "chargeback"


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

    The merchant is notified. `before` is one that was closed and is open again, or open over
    another amount; `order` the Order ID of a new one's entry.
    """
    if before:
        opened = _reopen(about, before, dispute, now, revoke)
    else:
        opened = _new(about, dispute, now, order, revoke)
    after = replace(opened, taxes=opened.taxes or taxes_in(about, opened.amount))
    written = Change(before, after, expecting=AS_READ) if before else Insert(after)
    return (
        written,
        *(_listed(about, after) if before else (Insert(_entry(about, after, now)),)),
        invoice_with(about, (*about.others, after)),
        *_book(after, before, about, now),
        *_held(about),
        *(access_closed(about.entitlements, now) if revoke else ()),
        _notify(EventKind.DISPUTE_OPENED, after, now, shard),
    )


def _reopen(
    about: Disputed, before: Chargeback, dispute: Dispute, now: datetime, revoke: bool
) -> Chargeback:
    amount = amount_of(about, before, dispute)
    return replace(
        before,
        standing=DisputeStanding.OPEN,
        moves=before.moves + 1,
        amount=amount,
        taxes=before.taxes if amount == before.amount else (),
        revoked_at=before.revoked_at or (now if revoke else None),
    )


def _entry(about: Disputed, chargeback: Chargeback, now: datetime) -> Order:
    return replace(
        about.paid,
        id=chargeback.order,
        kind=OrderKind.CHARGEBACK,
        at=now,
        amount=chargeback.amount,
        tax_minor=sum(chargeback.taxes),
        refunded_minor=0,
        source=Source.GATEWAY.value,
    )


def _listed(about: Disputed, chargeback: Chargeback) -> tuple[Write, ...]:
    """Brings the entry of a chargeback up to what it takes now."""
    if about.entry is None:
        return ()
    taxes = sum(chargeback.taxes)
    listed = replace(about.entry, amount=chargeback.amount, tax_minor=taxes)
    return () if listed == about.entry else (Change(about.entry, listed),)


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
    """Closes a chargeback as won: access is given back, and charges go on at the next date.

    Access stays closed for another chargeback that closed it too. What it took out of the
    subscription's funds when it was lost is given back.
    """
    after = replace(
        before,
        standing=DisputeStanding.WON,
        moves=before.moves + 1,
        revoked_at=None,
        taxes=(),
        took=None,
    )
    return (
        Change(before, after, expecting=AS_READ),
        invoice_with(about, (*about.others, after)),
        *_book(after, before, about, now),
        *access_given_back(about, before),
        *_going_on(about, before, (*about.others, after), now, shard),
        _notify(EventKind.DISPUTE_WON, after, now, shard),
    )


def lose(
    about: Disputed,
    before: Chargeback,
    dispute: Dispute,
    now: datetime,
    *,
    order: str,
    revoke: bool,
    shard: int,
) -> Transaction:
    """Closes a chargeback as lost, over the amount that it took: the subscription is cancelled.

    A one-time purchase is closed when all of its money is gone, as by a full refund (B-7). Lost
    again after an appeal, it takes nothing more; over another amount, that one instead.
    """
    amount = amount_of(about, before, dispute)
    taxes = before.taxes if amount == before.amount else ()
    taxes = taxes or taxes_in(about, amount)  # not kept of those opened long ago
    lost = replace(
        before, standing=DisputeStanding.LOST, moves=before.moves + 1, amount=amount, taxes=taxes
    )
    took, cancelled = _cancel(about, lost, now, order, shard)
    invoice = disputed_by(about.invoice, (*about.others, lost))
    nothing_left = invoice.disputed_minor + invoice.refunded_minor >= invoice.total.amount_minor
    closes = invoice.subscription is None and nothing_left
    less = amount.amount_minor < before.amount.amount_minor
    opens = invoice.subscription is None and less and not closes and not revoke
    revoked_at = None if opens else before.revoked_at or (now if closes else None)
    after = replace(lost, took=took, revoked_at=revoked_at)
    return (
        Change(before, after, expecting=AS_READ),
        *_listed(about, after),
        invoice_with(about, (*about.others, after)),
        *_book(after, before, about, now),
        *(access_closed(about.entitlements, now) if closes else ()),
        *(access_given_back(about, before) if opens else ()),
        *cancelled,
        _notify(EventKind.DISPUTE_LOST, after, now, shard),
    )


def _book(
    after: Chargeback, before: Chargeback | None, about: Disputed, now: datetime
) -> tuple[Write, ...]:
    was = DisputeStanding.WON if before is None else before.standing
    had = after.amount if before is None else before.amount
    entry = ledger.disputed(
        f"{after.id}:{after.moves}", about.invoice, had, after.amount, was, after.standing, now
    )
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
    about: Disputed,
    won: Chargeback,
    chargebacks: Sequence[Chargeback],
    now: datetime,
    shard: int,
) -> tuple[Write, ...]:
    subscription, invoice = about.subscription, about.open_invoice
    if subscription is None:
        return ()
    standing = standing_of(chargebacks)
    besides: tuple[Refund | Chargeback, ...] = (*about.refunds, *about.others)
    again, late = refunds.restored(won, about.invoice, subscription, besides)
    marked = replace(again, dispute=standing)
    expecting = (*charge_eligibility.MONEY, "due_at", "anchor_period")
    if standing != DisputeStanding.WON or subscription.state not in CHARGEABLE:
        return (Change(subscription, marked, expecting=expecting), *late)
    if invoice is not None and invoice.state in UNDER_WAY:
        settled_first = Change(subscription, marked.postponed_to(now), expecting=expecting)
        return (settled_first, *_as_it_stands(invoice), *late)
    goes_on = marked.at_its_next_date(now)
    return (
        Change(subscription, goes_on, expecting=expecting),
        *cancellation.void(invoice, now, shard),
        *late,
    )


def _cancel(
    about: Disputed, lost: Chargeback, now: datetime, order: str, shard: int
) -> tuple[Taken | None, tuple[Write, ...]]:
    """Cancels the subscription now; a charge under way is withdrawn first (X-6).

    The gateway's answer about that charge decides. Money that the bank took back is not given back
    a second time, as credit (B-7); returns what that took out of the funds too, in all.
    """
    subscription, invoice = about.subscription, about.open_invoice
    if subscription is None:
        return None, ()
    took, had = lost.took, subscription
    late: tuple[Write, ...] = ()
    net_minor = lost.amount.amount_minor - sum(lost.taxes)
    if took is not None and took.returned_minor != net_minor:
        besides: tuple[Refund | Chargeback, ...] = (*about.refunds, *about.others)
        had, late = refunds.restored(lost, about.invoice, subscription, besides)
        took = None
    marked = replace(had, dispute=standing_of((*about.others, lost)))
    after = marked.returning(about.invoice.paid_in, 0 if took else net_minor)
    took = took or had.taken(after, net_minor)
    if not subscription.is_live:
        return took, (Change(subscription, after, expecting=charge_eligibility.MONEY), *late)
    request = CancelRequest(When.NOW, Source.GATEWAY, now, order, reason=REASON)
    # It ends as the bank leaves it, so that its mail promises no credit that the bank took.
    if invoice is not None and invoice.state in UNDER_WAY:
        writes = cancellation.record(after, invoice, request)
    else:
        writes = cancellation.end_now(after, invoice, request, about.invoice.bill_to.email, shard)
    rests_on = (*charge_eligibility.RESTS, *charge_eligibility.MONEY)
    as_read = (
        replace(write, before=subscription, expecting=rests_on)
        if isinstance(write, Change) and write.before is after
        else write
        for write in writes
    )
    return took, (*as_read, *late)


def _as_it_stands(invoice: Invoice | None) -> tuple[Write, ...]:
    """Checks that no attempt has begun or ended meanwhile."""
    return (
        ()
        if invoice is None
        else (ConditionCheck(invoice, expecting=cancellation.INVOICE_AS_READ),)
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
