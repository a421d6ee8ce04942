"""Decisions on a ticket: approved, carried out, opened again, declined (H-3, H-4)."""

from __future__ import annotations

from datetime import datetime

from billing.helpdesk.messages import Author
from billing.helpdesk.tickets import Ticket, TicketState, TicketType
from billing.kernel.values import replace

DECIDED_ON = ("state", "attempt", "due_at")
"""The fields that a decision is conditional on: a ticket is never decided twice."""


def approve(ticket: Ticket, wish: TicketType, about: str, now: datetime, by: str) -> Ticket:
    """Returns the ticket approved."""
    return replace(
        ticket,
        wish=wish,
        about=about,
        state=TicketState.APPROVED,
        attempt=ticket.attempt + 1,
        unanswered_since=None,
        first_answered_at=_answer(ticket, now, by),
        decided_at=now,
        decided_by=by,
        due_at=None,
    )


def carry_out(ticket: Ticket, now: datetime) -> Ticket:
    """Returns the ticket with its approved request carried out."""
    return replace(ticket, carried_out_at=now, due_at=None)


def reopen(ticket: Ticket, now: datetime) -> Ticket:
    """Returns the ticket open again: the approved request failed, and a person must look again."""
    return replace(
        ticket,
        state=TicketState.OPEN,
        unanswered_since=now,
        decided_at=None,
        decided_by=None,
        due_at=None,
    )


def decline(ticket: Ticket, now: datetime, by: str) -> Ticket:
    """Returns the ticket declined."""
    return replace(
        ticket,
        state=TicketState.DECLINED,
        unanswered_since=None,
        first_answered_at=_answer(ticket, now, by),
        decided_at=now,
        decided_by=by,
        due_at=None,
    )


def _answer(ticket: Ticket, now: datetime, by: str) -> datetime | None:
    """Returns when a person first answered: a decision is an answer, but not an automatic one."""
    return ticket.first_answered_at or (None if by == Author.HOUSE else now)
