"""Decisions on tickets: approval, which carries out the cancel or refund, or decline (H-3, H-4).

A ticket is decided exactly once, by whoever is first. A cancellation and its ticket are one write.
A refund is decided first, then made under the ticket's own name, then recorded: after a crash in
between, the ticket's due date or a repeated request continues from there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial

from billing.cancel.flows import cancel
from billing.customers.purchases import PAYMENTS
from billing.helpdesk import cancellation_request, decisions, messages, tickets
from billing.helpdesk.flows import ticket as threads
from billing.helpdesk.messages import Author
from billing.helpdesk.tickets import Ticket, TicketState, TicketType
from billing.kernel import invoicing
from billing.kernel.due import DueKind
from billing.kernel.errors import BillingError, Conflict, Refused, Unavailable, Uncertain
from billing.kernel.flows import due as kernel_due
from billing.kernel.flows import subscriptions
from billing.kernel.merchants import Merchant, Undecided
from billing.kernel.money import Money
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.ports import Ports
from billing.kernel.storage import Due
from billing.kernel.subscription import Source, Subscription, When
from billing.kernel.writes import Change, Insert, Transaction
from billing.refunds.flows import refund
from billing.render.messages import text

ATTEMPTS = 8
HOUSE = "house"
"""The decider of a ticket that no person decided in time."""

HAS_ENDED = frozenset({"already_cancelled", "completed"})


def approve(
    ports: Ports,
    merchant: str,
    ticket: str,
    *,
    by: str,
    now: datetime,
    wish: TicketType | None = None,
    cancels: bool = False,
) -> Ticket:
    """Approves a ticket, and carries out the request.

    `wish` says what to do where the requester only wrote about an order; `cancels` that a refund
    ends the subscription too (B-7). A ticket that was approved before is returned, and carried out
    if that is not done yet.

    Raises `NotFound`, and `Refused` (nothing_to_approve, ownership_unverified, already_declined,
    ticket_closed, disputed, refund_failed ..); a refund that failed leaves the ticket open. Raises
    `Unavailable` before it is decided; once it is decided the ticket is returned, carried out or
    not.
    """
    for _ in range(ATTEMPTS):
        found = threads.fresh(ports, merchant, ticket)
        try:
            if found.state is TicketState.APPROVED:
                return _resume_approval(ports, found, now) if found.is_under_way else found
            return _approve(ports, found, wish or found.wish, by, cancels, now)
        except Conflict:
            continue
    raise Conflict()


def decline(
    ports: Ports, merchant: Merchant, ticket: str, words: str, *, by: str, now: datetime
) -> Ticket:
    """Declines a ticket, with words for the requester; held charges are made at once (H-4).

    A ticket that was declined before is returned. Raises `NotFound`, `Invalid` without words,
    `Refused` (already_approved, ticket_closed).
    """
    for _ in range(ATTEMPTS):
        found = threads.fresh(ports, merchant.id, ticket)
        if found.state is TicketState.DECLINED:
            return found
        if found.state is not TicketState.OPEN:
            raise Refused(_decided_code(found))
        author = Author.HOUSE if by == HOUSE else Author.AGENT
        message = messages.message(ticket, merchant.id, f"msg_{ticket}-no", author, words, now)
        after = decisions.decline(found, now, by)
        event = tickets.event(
            EventKind.TICKET_DECLINED, found, now, ports.shard_of(ticket), message.id
        )
        try:
            ports.store.commit(
                Change(found, after, expecting=decisions.DECIDED_ON),
                Insert(message),
                Insert(event),
                *_released(ports, found, merchant, now),
            )
        except Conflict:
            continue
        return after
    raise Conflict()


def sweep(
    ports: Ports,
    *,
    now: datetime,
    limit: int = 200,
    keep_going: Callable[[], bool] = lambda: True,
) -> Counter[str]:
    """Decides tickets that waited too long as the merchant's setting says (H-4), and finishes
    approved ones that were not carried out; a replay finds nothing left."""
    dues = kernel_due.overdue(ports, DueKind.TICKET, now=now, limit=limit)
    look = partial(_process_due, ports, now)
    seen = kernel_due.answer(ports, dues, look, now=now, keep_going=keep_going)
    return Counter(due=len(dues)) + seen


def effect(ports: Ports, ticket: Ticket) -> cancellation_request.Effect | None:
    """Returns what approving a request to cancel would do now; None for anything else, and for a
    subscription that has ended."""
    if ticket.wish is not TicketType.CANCEL or ticket.about is None or ticket.customer is None:
        return None
    found = ports.store.subscription(ticket.merchant, ticket.customer, ticket.about)
    if found is None or not found.is_live or found.cancelling is not None:
        return None
    return cancellation_request.effect(found, ticket.requested_at, ticket.lets_stand)


def next_amount(ports: Ports, ticket: Ticket) -> Money | None:
    """Returns the amount of the next charge of the subscription that a ticket asks to cancel."""
    if ticket.wish is not TicketType.CANCEL or ticket.customer is None or ticket.about is None:
        return None
    found = ports.store.subscription(ticket.merchant, ticket.customer, ticket.about)
    return None if found is None else _amount(ports, found)


def _amount(ports: Ports, found: Subscription) -> Money | None:
    if found.next_charge_at is None:
        return None
    return invoicing.next_charge(found, ports.minimum_minor(found))


def _process_due(ports: Ports, now: datetime, due: Due) -> str:
    merchant_id, ticket_id = due.owner
    ticket, merchant = ports.store.ticket(merchant_id, ticket_id), ports.store.merchant(merchant_id)
    if ticket is None or merchant is None or ticket.due_at is None or ticket.due_at > now:
        return "stale"
    try:
        if ticket.is_under_way:
            _carry_out(ports, ticket, now)
            return "carried_out"
        return _undecided(ports, ticket, merchant, now)
    except Unavailable:
        _postpone(ports, ticket, now)
        return "unavailable"
    except BillingError as error:
        kernel_due.put_off(ports, due, now)
        return error.code


def _undecided(ports: Ports, ticket: Ticket, merchant: Merchant, now: datetime) -> str:
    if merchant.settings.undecided is Undecided.CANCEL:
        approve(ports, merchant.id, ticket.id, by=HOUSE, now=now)
        return "cancelled"
    words = text(ticket.language, "ticket.undecided.charge")
    decline(ports, merchant, ticket.id, words, by=HOUSE, now=now)
    return "charged"


def _approve(
    ports: Ports, ticket: Ticket, wish: TicketType | None, by: str, cancels: bool, now: datetime
) -> Ticket:
    if ticket.state is not TicketState.OPEN:
        raise Refused(_decided_code(ticket))
    if wish is None:
        raise Refused("nothing_to_approve")
    about = ticket.about or _about(ports, ticket, wish)
    if about is None or not ticket.is_verified:
        raise Refused("ownership_unverified")
    decided = decisions.approve(ticket, wish, about, now, by)
    if wish is TicketType.REFUND:
        leased = replace(decided, cancels=cancels, due_at=now + ports.operation.lease)
        ports.store.commit(Change(ticket, leased, expecting=decisions.DECIDED_ON))
        return _resume_approval(ports, leased, now)
    found = subscriptions.fresh(ports, ticket.merchant, about)
    if cancellation_request.waits_for_charge(found, ticket.lets_stand):
        waiting = replace(decided, due_at=_after_charge(ports, ticket, now))
        event = Insert(_late_approval(ports, ticket, found, now))
        ports.store.commit(Change(ticket, waiting, expecting=decisions.DECIDED_ON), event)
        return waiting
    approval = (Insert(_approval(ports, ticket, now)),)
    return _cancel(ports, found, ticket, decisions.carry_out(decided, now), approval)


def _resume_approval(ports: Ports, ticket: Ticket, now: datetime) -> Ticket:
    """Continues an approved ticket, or leaves it under way until its due date."""
    try:
        return _carry_out(ports, ticket, now)
    except Unavailable:
        return ticket


def _carry_out(ports: Ports, ticket: Ticket, now: datetime) -> Ticket:
    """Continues an approved ticket; raises `Unavailable` where the gateway does not answer."""
    assert ticket.about is not None, "it was approved"
    if ticket.wish is TicketType.REFUND:
        return _refund(ports, ticket, now)
    found = subscriptions.fresh(ports, ticket.merchant, ticket.about)
    if cancellation_request.waits_for_charge(found, ticket.lets_stand):
        return _postpone(ports, ticket, now)
    return _cancel(ports, found, ticket, decisions.carry_out(ticket, now), ())


def _cancel(
    ports: Ports, found: Subscription, before: Ticket, after: Ticket, event: Transaction
) -> Ticket:
    """Cancels a subscription as of the date of the request, and updates the ticket in the same
    write (H-4)."""
    noted: Transaction = (Change(before, after, expecting=decisions.DECIDED_ON), *event)
    try:
        found = cancel.request(
            ports,
            found,
            when=cancellation_request.when_of(found, before.lets_stand),
            source=Source.CUSTOMER,
            reason=before.reason,
            ticket=before.id,
            now=before.requested_at,
            also=noted,
        ).subscription
    except Refused as refused:
        if refused.code not in HAS_ENDED:
            raise
    try:
        current = threads.fresh(ports, before.merchant, before.id)
    except Unavailable as outage:
        raise Uncertain("It is cancelled; whether the ticket says so is not known.") from outage
    if current == before:
        # It had ended, or was ending, by another request.
        ports.store.commit(*noted, *cancellation_request.let_go(found, before))
        return after
    if current.carried_out_at is None:
        raise Conflict()
    return current


def _refund(ports: Ports, ticket: Ticket, now: datetime) -> Ticket:
    """Makes the ticket's one refund, then records it; reopens the ticket for a person where it
    cannot be made."""
    assert ticket.about is not None, "it was approved"
    try:
        made = refund.request(
            ports,
            refund.payment(ports, ticket.merchant, ticket.about),
            amount_minor=None,
            source=Source.CUSTOMER,
            reason=ticket.reason,
            name=ticket.refund_name,
            now=now,
        )
        if isinstance(made, refund.UnderWay):
            return _postpone(ports, ticket, now)
    except Refused as refused:
        if refused.code != "already_refunded":  # Done already, as was asked for.
            _reopen(ports, ticket, refused, now)
            raise
    if ticket.cancels:
        _cancel_with_refund(ports, ticket, now)
    after = decisions.carry_out(ticket, now)
    event = Insert(_approval(ports, ticket, now))
    ports.store.commit(Change(ticket, after, expecting=decisions.DECIDED_ON), event)
    return after


def _cancel_with_refund(ports: Ports, ticket: Ticket, now: datetime) -> None:
    order = ports.store.order_by_id(ticket.merchant, ticket.about or "")
    if order is None or order.subscription is None:
        return
    found = subscriptions.fresh(ports, ticket.merchant, order.subscription)
    try:
        cancel.request(
            ports,
            found,
            when=When.NOW,
            source=Source.CUSTOMER,
            reason="refunded",
            now=now,
        )
    except Refused as refused:
        if refused.code not in HAS_ENDED:
            raise


def _reopen(ports: Ports, ticket: Ticket, refused: Refused, now: datetime) -> None:
    name = f"msg_{ticket.id}-{ticket.attempt}-failed"
    why = text("en", "ticket.failed", code=refused.code)
    message = messages.message(ticket.id, ticket.merchant, name, Author.HOUSE, why, now)
    ports.store.commit(
        Change(ticket, decisions.reopen(ticket, now), expecting=decisions.DECIDED_ON),
        Insert(replace(message, internal=True)),
    )


def _released(ports: Ports, ticket: Ticket, merchant: Merchant, now: datetime) -> Transaction:
    if ticket.wish is not TicketType.CANCEL or ticket.about is None or ticket.customer is None:
        return ()
    found = ports.store.subscription(ticket.merchant, ticket.customer, ticket.about)
    return () if found is None else cancellation_request.release(found, ticket, merchant, now)


def _postpone(ports: Ports, ticket: Ticket, now: datetime) -> Ticket:
    later = replace(ticket, due_at=_after_charge(ports, ticket, now))
    ports.store.commit(Change(ticket, later, expecting=decisions.DECIDED_ON))
    return later


def _after_charge(ports: Ports, ticket: Ticket, now: datetime) -> datetime:
    """Returns when to look again: a lease later, or a lease after the scheduled charge that is
    still made."""
    return max(now, ticket.lets_stand or now) + ports.operation.lease


def _about(ports: Ports, ticket: Ticket, wish: TicketType) -> str | None:
    """Returns the subscription or Order ID to act on where the requester only wrote about an order
    of theirs."""
    order = ports.store.order_by_id(ticket.merchant, ticket.order or "")
    if order is None or order.customer is None or order.customer != ticket.customer:
        return None
    if wish is TicketType.CANCEL:
        return order.subscription
    return order.id if order.kind in PAYMENTS else None


def _approval(ports: Ports, ticket: Ticket, now: datetime) -> OutboxEvent:
    return tickets.event(EventKind.TICKET_APPROVED, ticket, now, ports.shard_of(ticket.id))


def _late_approval(ports: Ports, ticket: Ticket, found: Subscription, now: datetime) -> OutboxEvent:
    """Makes the event of an approval before a charge that is still made: its amount and date, and
    when the subscription ends after it (X-8)."""
    event = _approval(ports, ticket, now)
    assert event.ticket_was is not None, "an approval has one"
    course = cancellation_request.effect(found, ticket.requested_at, ticket.lets_stand)
    was = replace(
        event.ticket_was,
        charge_at=course.charge_at,
        ends_at=course.ends_at,
        amount=_amount(ports, found),
    )
    return replace(event, ticket_was=was)


def _decided_code(ticket: Ticket) -> str:
    return {
        TicketState.APPROVED: "already_approved",
        TicketState.DECLINED: "already_declined",
    }.get(ticket.state, "ticket_closed")
