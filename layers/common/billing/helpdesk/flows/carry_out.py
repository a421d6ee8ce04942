"""Approved tickets are carried out: the cancel or the refund is made, then recorded (H-3, H-4).

A cancellation and its ticket are one write. A refund is decided first, then made under the ticket's
own name, then recorded: after a crash in between, the ticket's due date or a repeated request
continues from there.
"""

from __future__ import annotations

from datetime import datetime

from billing.cancel.flows import cancel, release_hold
from billing.helpdesk import cancellation_request, decisions, messages, tickets
from billing.helpdesk.flows import ticket as threads
from billing.helpdesk.messages import Author
from billing.helpdesk.tickets import Ticket, TicketType
from billing.kernel.errors import Conflict, Refused, Unavailable, Uncertain
from billing.kernel.flows import subscriptions
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.ports import Ports
from billing.kernel.subscription import Source, Subscription, When
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Transaction
from billing.refunds.flows import refund
from billing.render.errors import error_text
from billing.render.messages import MERCHANTS_LANGUAGE, text

HAS_ENDED = frozenset({"already_cancelled", "completed"})


def resume(ports: Ports, ticket: Ticket, now: datetime) -> Ticket:
    """Continues an approved ticket, or leaves it under way until its due date."""
    try:
        return carry_out(ports, ticket, now)
    except Unavailable:
        return ticket


def carry_out(ports: Ports, ticket: Ticket, now: datetime) -> Ticket:
    """Continues an approved ticket; raises `Unavailable` where the gateway does not answer."""
    assert ticket.about is not None, "it was approved"
    if ticket.wish is TicketType.REFUND:
        return _refund(ports, ticket, now)
    found = subscriptions.fresh(ports, ticket.merchant, ticket.about)
    if cancellation_request.waits_for_charge(found, ticket.lets_stand):
        return postpone(ports, ticket, now)
    return cancel_with_ticket(ports, found, ticket, decisions.carry_out(ticket, now), ())


def cancel_with_ticket(
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
        done_at = after.carried_out_at or before.requested_at
        ports.store.commit(*noted, *release_hold.let_go(ports, (found,), before.id, done_at))
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
            return postpone(ports, ticket, now)
    except Refused as refused:
        if refused.code != "already_refunded":  # Done already, as was asked for.
            _reopen(ports, ticket, refused, now)
            raise
    if ticket.cancels:
        _cancel_with_refund(ports, ticket, now)
    after = decisions.carry_out(ticket, now)
    event = Insert(approval(ports, ticket, now))
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
    why = text(MERCHANTS_LANGUAGE, "ticket.failed", why=error_text(refused, MERCHANTS_LANGUAGE))
    message = messages.message(ticket.id, ticket.merchant, name, Author.HOUSE, why, now)
    ports.store.commit(
        Change(ticket, decisions.reopen(ticket, now), expecting=decisions.DECIDED_ON),
        Insert(replace(message, internal=True)),
    )


def postpone(ports: Ports, ticket: Ticket, now: datetime) -> Ticket:
    """Moves the due date of an approved ticket to when to look again."""
    later = replace(ticket, due_at=after_charge(ports, ticket, now))
    ports.store.commit(Change(ticket, later, expecting=decisions.DECIDED_ON))
    return later


def after_charge(ports: Ports, ticket: Ticket, now: datetime) -> datetime:
    """Returns when to look again: a lease later, or a lease after the scheduled charge that is
    still made."""
    return max(now, ticket.lets_stand or now) + ports.operation.lease


def approval(ports: Ports, ticket: Ticket, now: datetime) -> OutboxEvent:
    """Makes the event of an approved ticket."""
    return tickets.event(EventKind.TICKET_APPROVED, ticket, now, ports.shard_of(ticket.id))
