"""Tickets: requests that a person decides, and their messages (H-2, H-3).

Transitions are functions that return a transaction; they never read a clock. The charges that a
request to cancel holds meanwhile are in `cancellation_request`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import ClassVar

from billing.helpdesk.messages import Author, Message
from billing.kernel.customers import Customer
from billing.kernel.due import DueKind
from billing.kernel.errors import Refused
from billing.kernel.outbox_events import EventKind, OutboxEvent
from billing.kernel.snapshots import TicketSnapshot
from billing.kernel.values import Value, replace
from billing.kernel.writes import Change, Entity, Insert, Transaction

UNDECIDED_FOR = timedelta(days=7)
"""The time that a request to cancel may wait for a person (H-4)."""
AS_READ = ("state", "unanswered_since", "department")


class TicketType(StrEnum):
    """The action that a request asks for; a ticket without one asks for an answer."""

    CANCEL = "cancel"
    REFUND = "refund"


class TicketState(StrEnum):
    """The state of a ticket; `approved` is decided, and `carried_out_at` says whether it was also
    done."""

    OPEN = "open"
    APPROVED = "approved"
    DECLINED = "declined"
    CLOSED = "closed"


class Ownership(StrEnum):
    """The proof that the requester owns the subscription or order (H-2): none; the signed-in
    portal; a link that was mailed; the merchant, who asked for them."""

    NONE = "none"
    PORTAL = "portal"
    LINK = "link"
    MERCHANT = "merchant"


class Detail(Value):
    """The answer to one of the questions of a department (`departments.Ask`)."""

    ask: str
    said: str


class Ticket(Entity):
    """A request to a department. `about` is the subscription (cancel) or the Order ID (refund) that
    it concerns; `requested_at` is the date that counts (H-4).

    `unanswered_since` is set while it is the merchant's turn to answer. `lets_stand` is the
    scheduled charge that a late request does not stop (X-8); `cancels` that a refund cancels as
    well (B-7). `attempt` counts approvals: the refund of each has a name of its own. `due_at` is
    the due date: a decision is overdue, or an approved request not carried out. `access_key` opens
    the thread for the reader of the requester's mail.
    """

    due_kind: ClassVar[DueKind] = DueKind.TICKET

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
    wish: TicketType | None = None
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
    def number(self) -> str:
        """Returns the short number by which people name it, such as 4821-0937; only its id is
        unique."""
        digits = f"{int(sha256(self.id.encode()).hexdigest(), 16) % 10**8:08d}"
        return f"{digits[:4]}-{digits[4:]}"

    @property
    def is_verified(self) -> bool:
        return self.ownership is not Ownership.NONE

    @property
    def is_assisted(self) -> bool:
        """Tests whether a person of the merchant was asked, rather than the portal (X-8)."""
        return self.ownership is not Ownership.PORTAL

    @property
    def is_waiting(self) -> bool:
        """Tests whether a person has something left to do about it."""
        return self.state is TicketState.OPEN or self.unanswered_since is not None

    def reached_by(self, customer: Customer | None) -> Ticket:
        """Returns the ticket with the email that its requester is answered at: that of `customer`
        now, whose ticket it is, where it is verified that they are its requester (H-2, B-12)."""
        if customer is None or customer.is_erased or not self.is_verified:
            return self
        return replace(self, email=customer.email)

    def holds(self, subscription: str) -> bool:
        """Tests whether it holds the charges of a subscription until it is decided (H-4)."""
        asks = self.wish is TicketType.CANCEL and self.about == subscription
        waits = self.state is TicketState.OPEN and self.due_at is not None
        return asks and waits and self.lets_stand is None

    @property
    def is_under_way(self) -> bool:
        """Tests whether it is approved, and not yet carried out."""
        return self.state is TicketState.APPROVED and self.carried_out_at is None

    @property
    def is_pending(self) -> bool:
        """Tests whether what it asks for is still to be decided, or to be carried out."""
        return self.state is TicketState.OPEN or self.is_under_way

    @property
    def shown_state(self) -> str:
        """Returns the state that people are shown."""
        if self.state is TicketState.OPEN:
            return "open" if self.unanswered_since is not None else "answered"
        return self.state.value

    @property
    def refund_name(self) -> str:
        """Returns the name of this ticket's refund: a repeated request has the same one, and
        another only after a person approved anew what had failed."""
        return self.id if self.attempt < 2 else f"{self.id}-{self.attempt}"


class TicketOf(Entity):
    """A link from a customer to a ticket, stored beside their purchases."""

    merchant: str
    customer: str
    ticket: str
    at: datetime


class Thread(Value):
    """A ticket with its messages, or a page of them, oldest first.

    `older` is the cursor of the messages before a page, None where there are none.
    """

    ticket: Ticket
    messages: tuple[Message, ...]
    older: str | None = None

    @property
    def public(self) -> tuple[Message, ...]:
        """Returns the messages that the requester may read."""
        return tuple(message for message in self.messages if not message.internal)


def asked_id(email: str, key: str) -> str:
    """Returns the ticket id of one sender's form, the same however often it is sent. The form's
    `key` is chosen by the sender, so it names only their own tickets."""
    named = sha256(f"{email}\n{key}".encode()).hexdigest()
    return f"tic_{named[:32]}"


def request_id(wish: TicketType, about: str, before: int) -> str:
    """Returns the id of the one open ticket for a wish about one thing, `before` of them having
    been decided: a form that is sent twice opens one, a request after a decision opens another."""
    return f"tic_{wish}_{about}" if not before else f"tic_{wish}_{about}-{before + 1}"


def open_ticket(ticket: Ticket, message: Message | None, fact_shard: int) -> Transaction:
    """Returns the writes of a new ticket: the ticket, its first message, and its OutboxEvent, at
    once."""
    known: Transaction = ()
    if ticket.customer is not None:
        at = ticket.requested_at
        known = (Insert(TicketOf(ticket.merchant, ticket.customer, ticket.id, at)),)
    return (
        Insert(ticket),
        *known,
        *(() if message is None else (Insert(message),)),
        Insert(event(EventKind.TICKET_OPENED, ticket, ticket.requested_at, fact_shard)),
    )


def reply(
    ticket: Ticket, message: Message, *, closes: bool = False, shard: int
) -> tuple[Ticket, Transaction]:
    """Returns the ticket and the writes of a reply: it is the other side's turn. A closed ticket
    opens again when its requester writes; a decided one stays decided."""
    if message.author is Author.AGENT:
        after = replace(
            ticket,
            unanswered_since=None,
            first_answered_at=ticket.first_answered_at or message.at,
        )
        if closes and ticket.state is TicketState.OPEN:
            if ticket.wish is not None:
                raise Refused("undecided")
            after = replace(
                after, state=TicketState.CLOSED, decided_at=message.at, decided_by=message.author
            )
    else:
        after = replace(ticket, unanswered_since=ticket.unanswered_since or message.at)
        if ticket.state is TicketState.CLOSED:
            after = replace(after, state=TicketState.OPEN, decided_at=None, decided_by=None)
    mail = event(EventKind.TICKET_REPLIED, ticket, message.at, shard, message.id)
    return after, (Change(ticket, after, expecting=AS_READ), Insert(message), Insert(mail))


def add_note(ticket: Ticket, message: Message) -> Transaction:
    """Returns the writes of a note among agents; nobody gets mail."""
    assert message.internal, "a note is internal"
    return (Insert(message),)


def reassign(ticket: Ticket, department: str, now: datetime, shard: int) -> Transaction:
    """Returns the writes that pass a ticket to another department, which gets mail."""
    after = replace(ticket, department=department)
    mail = event(EventKind.TICKET_REASSIGNED, after, now, shard)
    return (Change(ticket, after, expecting=AS_READ), Insert(mail))


NOBODY = "nobody"
"""The customer id of an event about somebody who has bought nothing."""


def event(
    kind: EventKind, ticket: Ticket, at: datetime, shard: int, message: str | None = None
) -> OutboxEvent:
    """Makes an OutboxEvent about a ticket as it stands after it; `message` is the id of the message
    that it mails."""
    what = message or f"{at:%Y%m%dT%H%M%S%f}"
    return OutboxEvent(
        id=f"{ticket.id}:{kind}:{what}",
        kind=kind,
        merchant=ticket.merchant,
        customer=ticket.customer or NOBODY,
        at=at,
        shard=shard,
        subscription=None,
        code=ticket.id if message is None else f"{ticket.id}~{message}",
        ticket_was=TicketSnapshot(ticket.department, ticket.due_at),
    )
