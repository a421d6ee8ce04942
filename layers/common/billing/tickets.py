"""Requests that a person decides: for now their record, and the mail that tells of them (H-2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from billing.facts import Fact, FactKind
from billing.transactions import Insert, Transaction


class Wish(StrEnum):
    """What a customer asked for in the portal."""

    CANCEL = "cancel"
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class Ticket:
    """A request to a department. `about` is the subscription or the Order ID that it concerns;
    `requested_at` is the date that counts (H-4). `id` is derived from both, so that a form sent
    twice opens one ticket."""

    id: str
    merchant: str
    customer: str
    department: str
    wish: Wish
    about: str
    product_name: str
    email: str
    requested_at: datetime
    reason: str | None = None
    comment: str | None = None
    test: bool = False
    closed_at: datetime | None = None


def ticket_id(wish: Wish, about: str) -> str:
    """The one ticket of a wish about one thing."""
    return f"tic_{wish}_{about}"


def opened(ticket: Ticket, shard: int) -> Transaction:
    """The ticket, and the fact that it was opened, at once."""
    told = Fact(
        id=f"{ticket.id}:{FactKind.TICKET_OPENED}",
        kind=FactKind.TICKET_OPENED,
        merchant=ticket.merchant,
        customer=ticket.customer,
        at=ticket.requested_at,
        shard=shard,
        code=ticket.id,
    )
    return (Insert(ticket), Insert(told))
