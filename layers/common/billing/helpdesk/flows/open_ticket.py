"""Tickets are opened, and requests added to one that is open (H-2, H-4).

The requester is known by the signed-in portal, by a link that was mailed to them, or through the
merchant; the text of an unknown sender waits in the ephemeral table until the link is followed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from billing.customers.purchases import has_ended
from billing.helpdesk import cancellation_request, messages, tickets
from billing.helpdesk.flows import ticket as threads
from billing.helpdesk.messages import Author, Message
from billing.helpdesk.tickets import Detail, Ownership, Ticket, TicketState, TicketType
from billing.kernel.card_numbers import masked
from billing.kernel.customers import normalised_email
from billing.kernel.departments import named
from billing.kernel.errors import Conflict, Invalid, NotFound
from billing.kernel.merchants import Merchant
from billing.kernel.orders import PAYMENTS, Order, typed_order_id
from billing.kernel.ports import Ports
from billing.kernel.values import Value, replace
from billing.kernel.writes import Transaction

ATTEMPTS = 8


class Request(Value):
    """A request to a department. `subscription` is the one a signed-in customer means, `order` an
    Order ID as it was typed; requests with the same `key` are the same ticket. `masked` counts the
    card numbers that were taken out of it."""

    department: str
    email: str
    subject: str
    text: str
    key: str
    name: str | None = None
    wish: TicketType | None = None
    order: str | None = None
    subscription: str | None = None
    reason: str | None = None
    details: tuple[Detail, ...] = ()
    language: str = "en"
    masked: int = 0

    def cleaned(self) -> Request:
        """Returns the request as it may be stored: one kind of line end, and no card number."""
        message = masked(messages.plain(self.text))
        return replace(
            self,
            email=normalised_email(self.email),
            subject=messages.line(self.subject, messages.SUBJECT_MOST),
            text=message.text,
            masked=self.masked + message.found,
            name=self.name and messages.line(self.name, messages.DETAIL_MOST),
            order=self.order and messages.line(self.order, messages.DETAIL_MOST),
            details=tuple(
                Detail(each.ask, messages.line(each.said, messages.DETAIL_MOST))
                for each in self.details
            ),
        )


def open_one(
    ports: Ports,
    merchant: Merchant,
    request: Request,
    *,
    customer: str | None,
    ownership: Ownership,
    now: datetime,
) -> Ticket:
    """Opens a ticket; for a request that is open already, adds the message to that one.

    Holds the charges of a subscription that is to be cancelled (H-4). Raises `Invalid` for an
    unknown department, and for an Order ID that is not the requester's where `ownership` is theirs
    to claim.
    """
    if named(merchant.settings.departments.all, request.department) is None:
        raise Invalid("department_unknown", field="department")
    request = request.cleaned()
    for _ in range(ATTEMPTS):
        ticket = _new_ticket(ports, merchant, request, customer, ownership, now)
        opened = ports.store.ticket(merchant.id, ticket.id)
        if opened is not None:
            return _add_to_open(ports, opened, request, now)
        ticket, held = _hold(ports, merchant, ticket, now)
        message = _first_words(ticket, request, now)
        try:
            ports.store.commit(
                *tickets.open_ticket(ticket, message, ports.shard_of(ticket.id)), *held
            )
        except Conflict:
            continue
        return ticket
    raise Conflict()


def preview(
    ports: Ports,
    merchant: Merchant,
    request: Request,
    *,
    customer: str | None,
    ownership: Ownership,
    now: datetime,
) -> Ticket:
    """Returns the ticket that `open_one` would open or add to, before anything is written (X-8)."""
    ticket = _new_ticket(ports, merchant, request.cleaned(), customer, ownership, now)
    opened = ports.store.ticket(merchant.id, ticket.id)
    return opened or _hold(ports, merchant, ticket, now)[0]


def find_order(ports: Ports, merchant: str, order: str | None, email: str) -> Order | None:
    """Returns the entry with this Order ID, if its customer has this email now.

    The email that it was bought with proves nothing: somebody else may have that address by now
    (B-12).
    """
    typed = typed_order_id(order or "")
    found = None if typed is None else ports.store.order_by_id(merchant, typed)
    if found is None or found.customer is None:
        return None
    return found if ports.store.customer_by_email(merchant, email) == found.customer else None


def _new_ticket(
    ports: Ports,
    merchant: Merchant,
    request: Request,
    customer: str | None,
    ownership: Ownership,
    now: datetime,
) -> Ticket:
    """Makes the ticket as it would be opened: with its subscription or order, where that is the
    requester's."""
    order = find_order(ports, merchant.id, request.order, request.email)
    owner = customer or (order.customer if order else None)
    record = None if owner is None else ports.store.customer(merchant.id, owner)
    ticket = Ticket(
        id=tickets.asked_id(request.email, request.key),
        merchant=merchant.id,
        department=request.department,
        email=request.email,
        subject=request.subject,
        requested_at=now,
        shard=ports.shard_of(request.key),
        access_key=ports.new_id("key"),
        customer=owner,
        name=request.name,
        ownership=ownership if owner is not None else Ownership.NONE,
        wish=request.wish,
        order=request.order,
        reason=request.reason,
        details=request.details,
        unanswered_since=now,
        language=record.language if record else request.language,
        test=record.test if record else False,
    )
    if owner is None:
        return ticket
    return _about(ports, ticket, order, request.subscription, now)


def _about(
    ports: Ports, ticket: Ticket, order: Order | None, subscription: str | None, now: datetime
) -> Ticket:
    """Adds to a ticket its subscription or order, and the id that makes the same wish the same
    ticket."""
    owner = ticket.customer
    assert owner is not None, "it is known"
    if order is not None and order.customer == owner:
        ticket = replace(ticket, order=order.id, product_name=order.product_name)
        subscription = order.subscription
    what = subscription if ticket.wish is TicketType.CANCEL else None
    if ticket.wish is TicketType.REFUND and order is not None and order.kind in PAYMENTS:
        what = order.id
    if subscription is not None:
        found = ports.store.subscription(ticket.merchant, owner, subscription)
        if found is None:
            raise NotFound("subscription_unknown")
        ticket = replace(ticket, product_name=found.product_name)
    if ticket.wish is None or what is None:
        return ticket
    earlier = [
        each
        for each in threads.of_owner(ports, ticket.merchant, owner)
        if (each.wish, each.about) == (ticket.wish, what)
    ]
    opened = next((each for each in earlier if each.state is TicketState.OPEN), None)
    name = opened.id if opened else tickets.request_id(ticket.wish, what, len(earlier))
    return replace(ticket, id=name, about=what)


def _hold(
    ports: Ports, merchant: Merchant, ticket: Ticket, now: datetime
) -> tuple[Ticket, Transaction]:
    """Gives a request to cancel its last day to be decided by, and holds charges until then
    (H-4)."""
    if ticket.wish is not TicketType.CANCEL or ticket.about is None or ticket.customer is None:
        return ticket, ()
    found = ports.store.subscription(merchant.id, ticket.customer, ticket.about)
    if found is None or not found.is_live or has_ended(found, now):
        return ticket, ()
    near = cancellation_request.too_near(
        found,
        assisted=ticket.is_assisted,
        notice_days=merchant.settings.notice_days,
        now=now,
    )
    asked = replace(ticket, lets_stand=near, due_at=now + tickets.UNDECIDED_FOR)
    return asked, cancellation_request.hold(found, asked)


def _first_words(ticket: Ticket, request: Request, now: datetime) -> Message | None:
    if not request.text.strip():
        return None
    name = f"msg_{request.key}"
    message = messages.message(ticket.id, ticket.merchant, name, Author.CUSTOMER, request.text, now)
    return replace(message, masked=request.masked)


def _add_to_open(ports: Ports, opened: Ticket, request: Request, now: datetime) -> Ticket:
    """Adds the message of a repeated request to the open ticket, unless that message is in it
    already."""
    known: Sequence[Message] = threads.thread(ports, opened.merchant, opened.id).messages
    message = _first_words(opened, request, now)
    if message is not None and not {message.id, message.text} & {
        w for m in known for w in (m.id, m.text)
    }:
        threads.reply(
            ports,
            opened.merchant,
            opened.id,
            request.text,
            author=Author.CUSTOMER,
            key=request.key,
            now=now,
        )
    return opened
