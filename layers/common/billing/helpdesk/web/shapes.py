"""Tickets in /v1: input of callers, and output (H-2, H-3)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictBool, StringConstraints
from typing_extensions import TypedDict

from billing.api.web.described import Instant, OneOf
from billing.api.web.json_shapes import instant
from billing.api.web.queries import PageQuery
from billing.helpdesk import messages
from billing.helpdesk.cancellation_request import Effect
from billing.helpdesk.flows.inbound import MOST_BYTES, Taken
from billing.helpdesk.flows.open_ticket import Request
from billing.helpdesk.messages import Author, Message
from billing.helpdesk.tickets import Ownership, Thread, Ticket, TicketType
from billing.web.inputs import Email, Input, Key, Line, Name

Text = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        min_length=1,
        max_length=messages.TEXT_MOST,
        pattern=r"^[^\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x9F]*$",
    ),
]
"""Plain text of several lines."""

State = Literal["open", "answered", "approved", "declined", "closed"]


class NewTicketInput(Input):
    """A request entered in somebody's name; `wish` is what approving it does to `order`."""

    department: Key
    email: Email
    subject: Annotated[Line, Field(max_length=messages.SUBJECT_MOST)]
    text: Text
    order: Line | None = None
    wish: TicketType | None = None
    name: Name | None = None

    def request(self, key: str) -> Request:
        """Returns the request that the flow takes."""
        return Request(key=key, **self.model_dump())


class TicketsQuery(PageQuery):
    """Filters of the list of tickets."""

    department: Key | None = None
    state: State | None = None
    customer: Key | None = None


class ApproveInput(Input):
    """An approval; `wish` says what to do where the requester only wrote about an order, `cancel`
    that a refund ends the subscription too."""

    wish: TicketType | None = None
    cancel: StrictBool = False


class DeclineInput(Input):
    """A decline, with the words for the requester."""

    text: Text | None = None


class ReplyInput(Input):
    """An answer; `internal` is a note that only agents see, `close` ends a ticket that asked for
    nothing but an answer."""

    text: Text
    internal: StrictBool = False
    close: StrictBool = False


class MailInput(Input):
    """A mail as it came (RFC 5322), from whatever receives mail for a department."""

    department: Key
    message: Annotated[str, StringConstraints(min_length=1, max_length=MOST_BYTES)]


class MailOutput(TypedDict):
    """The result for a mail: `replied` to a ticket, `asked` and to be confirmed by its sender, or
    `ignored`."""

    result: Annotated[str, OneOf(Literal["replied", "asked", "ignored"])]
    ticket: str | None


class DetailOutput(TypedDict):
    """The answer to a question of the department."""

    ask: str
    said: str


class EffectOutput(TypedDict):
    """The effect of approving a cancellation: when it ends, and a charge that is still made
    (X-8)."""

    when: Literal["now", "period_end"]
    ends_at: Instant | None
    charge_at: Instant | None


class MessageOutput(TypedDict):
    """One message; `masked` is how many card numbers were taken out of it."""

    id: str
    at: Instant
    author: Annotated[str, OneOf(Author)]
    text: str
    internal: bool
    masked: int


class TicketOutput(TypedDict):
    """A ticket; `verified` says that its requester owns what it is about, `decide_by` when the
    setting decides instead of a person (H-4)."""

    id: str
    state: Annotated[str, OneOf(State)]
    department: str
    wish: Annotated[str, OneOf(TicketType)] | None
    subject: str
    email: str
    name: str | None
    verified: bool
    ownership: Annotated[str, OneOf(Ownership)]
    customer: str | None
    subscription: str | None
    order: str | None
    product_name: str | None
    reason: str | None
    details: list[DetailOutput]
    requested_at: Instant
    first_answered_at: Instant | None
    decide_by: Instant | None
    decided_at: Instant | None
    decided_by: str | None
    carried_out_at: Instant | None
    test: bool


class RecordedOutput(TypedDict):
    """A write that succeeded (`state` is `recorded`), but cannot be shown just now."""

    state: Literal["recorded"]
    ticket: str


class ThreadOutput(TicketOutput):
    """A ticket with a page of its messages, oldest first.

    Without a cursor it is the newest; `messages_next` is the cursor of those before, else null.
    """

    messages: list[MessageOutput]
    messages_next: str | None
    effect: EffectOutput | None


def ticket(found: Ticket) -> TicketOutput:
    cancels = found.wish is TicketType.CANCEL
    return {
        "id": found.id,
        "state": found.shown_state,
        "department": found.department,
        "wish": found.wish and found.wish.value,
        "subject": found.subject,
        "email": found.email,
        "name": found.name,
        "verified": found.is_verified,
        "ownership": found.ownership.value,
        "customer": found.customer,
        "subscription": found.about if cancels else None,
        "order": found.order,
        "product_name": found.product_name,
        "reason": found.reason,
        "details": [{"ask": each.ask, "said": each.said} for each in found.details],
        "requested_at": instant(found.requested_at),
        "first_answered_at": instant(found.first_answered_at),
        "decide_by": instant(found.due_at) if found.state == "open" else None,
        "decided_at": instant(found.decided_at),
        "decided_by": found.decided_by,
        "carried_out_at": instant(found.carried_out_at),
        "test": found.test,
    }


def thread(found: Thread, effect: Effect | None) -> ThreadOutput:
    return {
        **ticket(found.ticket),
        "messages": [message(each) for each in found.messages],
        "messages_next": found.older,
        "effect": None
        if effect is None
        else {
            "when": effect.when.value,
            "ends_at": instant(effect.ends_at),
            "charge_at": instant(effect.charge_at),
        },
    }


def message(message: Message) -> MessageOutput:
    return {
        "id": message.id,
        "at": instant(message.at),
        "author": message.author.value,
        "text": message.text,
        "internal": message.internal,
        "masked": message.masked,
    }


def taken(mail: Taken) -> MailOutput:
    return {"result": mail.result, "ticket": mail.ticket}
