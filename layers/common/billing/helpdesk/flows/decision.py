"""Decisions on tickets: approval, which carries out the cancel or refund, or decline (H-3, H-4).

A ticket is decided exactly once, by whoever is first; `carry_out` does what was approved.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import partial

from billing.cancel.flows import release_hold
from billing.helpdesk import cancellation_request, decisions, messages, tickets
from billing.helpdesk.flows import carry_out
from billing.helpdesk.flows import ticket as threads
from billing.helpdesk.messages import Author
from billing.helpdesk.tickets import Ticket, TicketState, TicketType
from billing.kernel.due import DueKind
from billing.kernel.errors import BillingError, Conflict, Invalid, Refused, Unavailable
from billing.kernel.flows import due as kernel_due
from billing.kernel.flows import subscriptions
from billing.kernel.merchants import Merchant, Undecided
from billing.kernel.money import Money
from billing.kernel.orders import PAYMENTS
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.ports import Ports
from billing.kernel.storage import Due
from billing.kernel.subscription import Subscription
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Transaction
from billing.render.messages import text
from billing.tax.flows import upcoming

ATTEMPTS = 8
HOUSE = "house"
"""The decider of a ticket that no person decided in time."""


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

    Raises `NotFound`, `Invalid` for a wish that is not the ticket's own, and `Refused`
    (nothing_to_approve, ownership_unverified, already_declined, ticket_closed, disputed,
    refund_failed ..); a refund that failed leaves the ticket open. Raises
    `Unavailable` before it is decided; once it is decided the ticket is returned, carried out or
    not.
    """
    for _ in range(ATTEMPTS):
        found = threads.fresh(ports, merchant, ticket)
        try:
            if found.state is TicketState.APPROVED:
                return carry_out.resume(ports, found, now) if found.is_under_way else found
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


def next_amount(ports: Ports, merchant: Merchant, ticket: Ticket, *, now: datetime) -> Money | None:
    """Returns the amount of the next charge of the subscription that a ticket asks to cancel."""
    if ticket.wish is not TicketType.CANCEL or ticket.customer is None or ticket.about is None:
        return None
    found = ports.store.subscription(ticket.merchant, ticket.customer, ticket.about)
    return None if found is None else _amount(ports, merchant, found, now)


def _amount(ports: Ports, merchant: Merchant, found: Subscription, now: datetime) -> Money | None:
    if found.next_charge_at is None:
        return None
    return upcoming.next_charge(ports, merchant, found, now=now)


def _process_due(ports: Ports, now: datetime, due: Due) -> str:
    merchant_id, ticket_id = due.owner
    ticket, merchant = ports.store.ticket(merchant_id, ticket_id), ports.store.merchant(merchant_id)
    if ticket is None or merchant is None or ticket.due_at is None or ticket.due_at > now:
        return "stale"
    try:
        if ticket.is_under_way:
            carry_out.carry_out(ports, ticket, now)
            return "carried_out"
        return _undecided(ports, ticket, merchant, now)
    except Unavailable:
        carry_out.postpone(ports, ticket, now)
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
    if ticket.wish is not None and wish is not ticket.wish:
        # What it is about, and what it holds, belong to its own wish.
        raise Invalid("wish_differs", field="wish")
    about = ticket.about or _about(ports, ticket, wish)
    if about is None or not ticket.is_verified:
        raise Refused("ownership_unverified")
    decided = decisions.approve(ticket, wish, about, now, by)
    if wish is TicketType.REFUND:
        leased = replace(decided, cancels=cancels, due_at=now + ports.operation.lease)
        ports.store.commit(Change(ticket, leased, expecting=decisions.DECIDED_ON))
        return carry_out.resume(ports, leased, now)
    found = subscriptions.fresh(ports, ticket.merchant, about)
    if cancellation_request.waits_for_charge(found, ticket.lets_stand):
        waiting = replace(decided, due_at=carry_out.after_charge(ports, ticket, now))
        event = Insert(_late_approval(ports, ticket, found, now))
        ports.store.commit(Change(ticket, waiting, expecting=decisions.DECIDED_ON), event)
        return waiting
    approval = (Insert(carry_out.approval(ports, ticket, now)),)
    return carry_out.cancel_with_ticket(
        ports, found, ticket, decisions.carry_out(decided, now), approval
    )


def _released(ports: Ports, ticket: Ticket, merchant: Merchant, now: datetime) -> Transaction:
    if ticket.wish is not TicketType.CANCEL or ticket.about is None or ticket.customer is None:
        return ()
    found = ports.store.subscription(ticket.merchant, ticket.customer, ticket.about)
    if found is None:
        return ()
    return release_hold.release(ports, (found,), ticket.id, merchant, now)


def _about(ports: Ports, ticket: Ticket, wish: TicketType) -> str | None:
    """Returns the subscription or Order ID to act on where the requester only wrote about an order
    of theirs."""
    order = ports.store.order_by_id(ticket.merchant, ticket.order or "")
    if order is None or order.customer is None or order.customer != ticket.customer:
        return None
    if wish is TicketType.CANCEL:
        return order.subscription
    return order.id if order.kind in PAYMENTS else None


def _late_approval(ports: Ports, ticket: Ticket, found: Subscription, now: datetime) -> OutboxEvent:
    """Makes the event of an approval before a charge that is still made: its amount and date, and
    when the subscription ends after it (X-8)."""
    event = carry_out.approval(ports, ticket, now)
    merchant = ports.store.merchant(ticket.merchant)
    assert event.ticket_was is not None, "an approval has one"
    assert merchant is not None, "a merchant is never removed"
    course = cancellation_request.effect(found, ticket.requested_at, ticket.lets_stand)
    was = replace(
        event.ticket_was,
        charge_at=course.charge_at,
        ends_at=course.ends_at,
        amount=_amount(ports, merchant, found, now),
    )
    return replace(event, ticket_was=was)


def _decided_code(ticket: Ticket) -> str:
    return {
        TicketState.APPROVED: "already_approved",
        TicketState.DECLINED: "already_declined",
    }.get(ticket.state, "ticket_closed")
