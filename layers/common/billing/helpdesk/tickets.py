"""Requests that a person decides, and the talk about them (H-2, H-3).

Transitions are functions that return a transaction; they never look at a clock. What a request to
cancel holds back meanwhile is in `holding`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import ClassVar

from billing.kernel.card_numbers import masked
from billing.kernel.customers import Customer
from billing.kernel.due import DueKind
from billing.kernel.errors import Invalid, Refused
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.snapshots import TicketSnapshot
from billing.kernel.writes import Change, Insert, Transaction

UNDECIDED_FOR = timedelta(days=7)
"""How long a request to cancel may wait for a person (H-4)."""

TEXT_MOST, SUBJECT_MOST, DETAIL_MOST = 5000, 150, 2000
AS_READ = ("state", "unanswered_since", "department")
DECIDED_ON = ("state", "attempt", "due_at")
"""What a decision rests on: no two are made on the same ticket."""


class Wish(StrEnum):
    """What a request asks to have done; a ticket without one asks for an answer."""

    CANCEL = "cancel"
    REFUND = "refund"


class TicketState(StrEnum):
    """`approved` is decided; `carried_out_at` says whether it was also done."""

    OPEN = "open"
    APPROVED = "approved"
    DECLINED = "declined"
    CLOSED = "closed"


class Ownership(StrEnum):
    """How it is known that the requester owns what it is about (H-2): not at all; by the signed-in
    portal; by a link that was mailed; because the merchant asked for them."""

    NONE = "none"
    PORTAL = "portal"
    LINK = "link"
    MERCHANT = "merchant"


class Author(StrEnum):
    """Who wrote a message; `house` is Perennial itself."""

    CUSTOMER = "customer"
    AGENT = "agent"
    HOUSE = "house"


@dataclass(frozen=True, slots=True)
class Detail:
    """What was answered to one of the questions of a department (`departments.Ask`)."""

    ask: str
    said: str


@dataclass(frozen=True, slots=True)
class Ticket:
    """A request to a department. `about` is the subscription (cancel) or the Order ID (refund) that
    it concerns; `requested_at` is the date that counts (H-4).

    `unanswered_since` is set while it is the merchant's turn to answer. `lets_stand` is the
    scheduled charge that a late request does not stop (X-8); `cancels` that a refund cancels as
    well (B-7). `attempt` counts approvals: the refund of each has a name of its own. `due_at` is
    the alarm: a decision is overdue, or an approved request not carried out. Whoever knows
    `access_key` has read the requester's mail.
    """

    alarm: ClassVar[DueKind] = DueKind.TICKET

    id: str
    merchant: str
    department: str
    email: str
    subject: str
    requested_at: datetime
    shard: int
    access_key: str
    customer: str | None = None
    name: str | None = None
    ownership: Ownership = Ownership.NONE
    wish: Wish | None = None
    about: str | None = None
    order: str | None = None
    product_name: str | None = None
    reason: str | None = None
    details: tuple[Detail, ...] = ()
    state: TicketState = TicketState.OPEN
    unanswered_since: datetime | None = None
    first_answered_at: datetime | None = None
    decided_at: datetime | None = None
    decided_by: str | None = None
    lets_stand: datetime | None = None
    cancels: bool = False
    attempt: int = 0
    carried_out_at: datetime | None = None
    due_at: datetime | None = None
    language: str = "en"
    test: bool = False

    @property
    def is_verified(self) -> bool:
        return self.ownership is not Ownership.NONE

    @property
    def is_assisted(self) -> bool:
        """Whether a person of the merchant was asked, rather than the portal (X-8)."""
        return self.ownership is not Ownership.PORTAL

    @property
    def is_waiting(self) -> bool:
        """Whether a person has something left to do about it."""
        return self.state is TicketState.OPEN or self.unanswered_since is not None

    def reached_by(self, customer: Customer | None) -> Ticket:
        """With the email that its requester is answered at: that of `customer` now, whose ticket it
        is, where it is verified that they are its requester (H-2, B-12)."""
        if customer is None or customer.is_erased or not self.is_verified:
            return self
        return replace(self, email=customer.email)

    @property
    def is_under_way(self) -> bool:
        """Approved, and not yet carried out."""
        return self.state is TicketState.APPROVED and self.carried_out_at is None

    @property
    def shown_state(self) -> str:
        """The state in words that people are shown."""
        if self.state is TicketState.OPEN:
            return "open" if self.unanswered_since is not None else "answered"
        return self.state.value

    @property
    def refund_name(self) -> str:
        """The name of this ticket's refund: asked for again it is the same one, and another only
        after a person approved anew what had failed."""
        return self.id if self.attempt < 2 else f"{self.id}-{self.attempt}"


@dataclass(frozen=True, slots=True)
class TicketOf:
    """That a ticket is a customer's; it stands beside what they bought."""

    merchant: str
    customer: str
    ticket: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Message:
    """One message, plain text; `internal` for the merchant's eyes only. `masked` is how many card
    numbers were taken out of it before it was kept."""

    id: str
    merchant: str
    ticket: str
    at: datetime
    author: Author
    text: str
    internal: bool = False
    masked: int = 0


@dataclass(frozen=True, slots=True)
class Thread:
    """A ticket with all that was said, oldest first."""

    ticket: Ticket
    messages: tuple[Message, ...]

    @property
    def public(self) -> tuple[Message, ...]:
        """What its requester may read."""
        return tuple(message for message in self.messages if not message.internal)


def asked_id(email: str, key: str) -> str:
    """The one ticket of a form of somebody, however often it is sent. The form's `key` is theirs to
    choose, so it names nothing but their own."""
    named = sha256(f"{email}\n{key}".encode()).hexdigest()
    return f"tic_{named[:32]}"


def request_id(wish: Wish, about: str, before: int) -> str:
    """The one open ticket of a wish about one thing, `before` of them having been decided: a form
    that is sent twice opens one, what is asked again after a decision opens another."""
    return f"tic_{wish}_{about}" if not before else f"tic_{wish}_{about}-{before + 1}"


def message(
    ticket: str, merchant: str, message_id: str, author: Author, text: str, at: datetime
) -> Message:
    """What somebody said, without card numbers; raises `Invalid` for nothing and for too much."""
    said = masked(plain(text))
    if not said.text:
        raise Invalid("Write something.", field="text")
    if len(said.text) > TEXT_MOST:
        raise Invalid(f"At most {TEXT_MOST} characters.", field="text")
    return Message(message_id, merchant, ticket, at, author, said.text, masked=said.found)


def plain(text: str) -> str:
    """Text in lines, as it is kept: one kind of line end, no other control characters."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    kept = ("".join(c if c.isprintable() or c == " " else " " for c in line) for line in lines)
    return "\n".join(line.rstrip() for line in kept).strip()


def line(text: str, most: int) -> str:
    """One line without card numbers, cut to `most` characters."""
    return masked(" ".join(plain(text).split())).text[:most]


def opened(ticket: Ticket, said: Message | None, fact_shard: int) -> Transaction:
    """The ticket, its first message, and the fact that it was opened, at once."""
    known: Transaction = ()
    if ticket.customer is not None:
        at = ticket.requested_at
        known = (Insert(TicketOf(ticket.merchant, ticket.customer, ticket.id, at)),)
    return (
        Insert(ticket),
        *known,
        *(() if said is None else (Insert(said),)),
        Insert(fact(EventKind.TICKET_OPENED, ticket, ticket.requested_at, fact_shard)),
    )


def replied(
    ticket: Ticket, said: Message, *, closes: bool = False, shard: int
) -> tuple[Ticket, Transaction]:
    """Somebody answered: it is the other's turn. What was closed opens again when its requester
    writes; what was decided stays decided."""
    if said.author is Author.AGENT:
        after = replace(
            ticket,
            unanswered_since=None,
            first_answered_at=ticket.first_answered_at or said.at,
        )
        if closes and ticket.state is TicketState.OPEN:
            if ticket.wish is not None:
                raise Refused("A request is approved or declined.", code="undecided")
            after = replace(
                after, state=TicketState.CLOSED, decided_at=said.at, decided_by=said.author
            )
    else:
        after = replace(ticket, unanswered_since=ticket.unanswered_since or said.at)
        if ticket.state is TicketState.CLOSED:
            after = replace(after, state=TicketState.OPEN, decided_at=None, decided_by=None)
    told = fact(EventKind.TICKET_REPLIED, ticket, said.at, shard, said.id)
    return after, (Change(ticket, after, expecting=AS_READ), Insert(said), Insert(told))


def noted(ticket: Ticket, said: Message) -> Transaction:
    """A note among agents; nobody is told."""
    assert said.internal, "a note is internal"
    return (Insert(said),)


def reassigned(ticket: Ticket, department: str, now: datetime, shard: int) -> Transaction:
    """Another department's turn, which is told so."""
    after = replace(ticket, department=department)
    told = fact(EventKind.TICKET_REASSIGNED, after, now, shard)
    return (Change(ticket, after, expecting=AS_READ), Insert(told))


def approved(ticket: Ticket, wish: Wish, about: str, now: datetime, by: str) -> Ticket:
    """Decided for its requester."""
    return replace(
        ticket,
        wish=wish,
        about=about,
        state=TicketState.APPROVED,
        attempt=ticket.attempt + 1,
        unanswered_since=None,
        first_answered_at=_answered(ticket, now, by),
        decided_at=now,
        decided_by=by,
        due_at=None,
    )


def carried_out(ticket: Ticket, now: datetime) -> Ticket:
    """What was approved is done."""
    return replace(ticket, carried_out_at=now, due_at=None)


def reopened(ticket: Ticket, now: datetime) -> Ticket:
    """What was approved could not be done: a person must look again."""
    return replace(
        ticket,
        state=TicketState.OPEN,
        unanswered_since=now,
        decided_at=None,
        decided_by=None,
        due_at=None,
    )


def declined(ticket: Ticket, now: datetime, by: str) -> Ticket:
    """Decided against its requester."""
    return replace(
        ticket,
        state=TicketState.DECLINED,
        unanswered_since=None,
        first_answered_at=_answered(ticket, now, by),
        decided_at=now,
        decided_by=by,
        due_at=None,
    )


def _answered(ticket: Ticket, now: datetime, by: str) -> datetime | None:
    """When a person first answered: a decision is an answer, but not what nobody decided."""
    return ticket.first_answered_at or (None if by == Author.HOUSE else now)


NOBODY = "nobody"
"""In the place of a customer, where a fact is about somebody who has bought nothing."""


def fact(
    kind: EventKind, ticket: Ticket, at: datetime, shard: int, said: str | None = None
) -> OutboxEvent:
    """A fact about a ticket as it stands after it; `said` is the id of the message that it
    tells."""
    what = said or f"{at:%Y%m%dT%H%M%S%f}"
    return OutboxEvent(
        id=f"{ticket.id}:{kind}:{what}",
        kind=kind,
        merchant=ticket.merchant,
        customer=ticket.customer or NOBODY,
        at=at,
        shard=shard,
        subscription=None,
        code=ticket.id if said is None else f"{ticket.id}~{said}",
        ticket_was=TicketSnapshot(ticket.department, ticket.due_at),
    )
