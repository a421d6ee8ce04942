"""Tickets: read, answered, passed on (H-3)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from billing.helpdesk import messages, tickets
from billing.helpdesk.messages import Author, Message
from billing.helpdesk.tickets import Thread, Ticket, TicketType
from billing.kernel.customers import Customer
from billing.kernel.departments import named
from billing.kernel.errors import Conflict, Invalid, NotFound, TooMany
from billing.kernel.flows.paging import READS_AT_MOST, pages
from billing.kernel.lists import Page
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.values import replace

ATTEMPTS = 8
WINDOW = timedelta(minutes=15)
READ_AT_ONCE = 100
"""The tickets of a customer that are read at once."""

SHOWN_AT_ONCE = 50
"""The messages of a page."""

KNOWN_AGAIN = 200
"""The newest messages among which one that is sent again is recognised."""

WORDS_AT_MOST = 20
"""The most messages of one customer, or in one thread, within the window: each is mailed to a
department."""


def fresh(ports: Ports, merchant: str, ticket: str) -> Ticket:
    """Returns the stored ticket; raises `NotFound` for an unknown one, or another merchant's."""
    found = ports.store.ticket(merchant, ticket)
    if found is None:
        raise NotFound("ticket_unknown")
    return found


def thread(
    ports: Ports,
    merchant: str,
    ticket: str,
    *,
    limit: int = KNOWN_AGAIN,
    cursor: str | None = None,
) -> Thread:
    """Returns the ticket with its newest messages, or those before a cursor; raises `NotFound`."""
    found = ports.store.thread_page(merchant, ticket, limit=limit, cursor=cursor)
    if found is None:
        raise NotFound("ticket_unknown")
    return found


def of_customer(
    ports: Ports,
    merchant: str,
    customer: str,
    ticket: str,
    *,
    limit: int = KNOWN_AGAIN,
    cursor: str | None = None,
) -> Thread:
    """Returns one of a customer's own tickets; raises `NotFound` for anybody else's."""
    found = thread(ports, merchant, ticket, limit=limit, cursor=cursor)
    if found.ticket.customer != customer:
        raise NotFound("ticket_unknown")
    return found


def about(ports: Ports, merchant: str, customer: str, wish: TicketType, what: str) -> Ticket | None:
    """Returns a customer's newest ticket with this wish about one subscription or order."""
    found = of_owner(ports, merchant, customer)
    return next((each for each in found if (each.wish, each.about) == (wish, what)), None)


def of_owner(
    ports: Ports, merchant: str, customer: str, *, at_most: int | None = READS_AT_MOST
) -> Iterator[Ticket]:
    """Yields a customer's tickets, newest first, page by page: `at_most` so many, or all."""

    def page_at(cursor: str | None) -> Page[Ticket]:
        return ports.store.tickets_of(merchant, customer, limit=READ_AT_ONCE, cursor=cursor)

    for page in pages(page_at, at_most=at_most):
        yield from page.data


def count_words(ports: Ports, merchant: str, where: str, *, now: datetime) -> None:
    """Counts one more message of a customer, or in a thread; raises `TooMany`."""
    hits = ports.ephemeral.hit("ticket_words", f"{merchant}:{where}", window=WINDOW, now=now)
    if hits > WORDS_AT_MOST:
        raise TooMany()


def reply(
    ports: Ports,
    merchant: str,
    ticket: str,
    text: str,
    *,
    author: Author,
    key: str,
    now: datetime,
    closes: bool = False,
) -> Message:
    """Answers a ticket, once for each `key`; raises `Invalid` for an empty or too long text."""
    message = messages.message(ticket, merchant, f"msg_{key}", author, text, now)
    for _ in range(ATTEMPTS):
        found = thread(ports, merchant, ticket)
        before = next((each for each in found.messages if each.id == message.id), None)
        if before is not None:
            return before
        shard = ports.shard_of(ticket)
        _, write = tickets.reply(found.ticket, message, closes=closes, shard=shard)
        try:
            ports.store.commit(*write)
        except Conflict:
            continue
        return message
    raise Conflict()


def answer(
    ports: Ports,
    merchant: str,
    ticket: str,
    text: str,
    *,
    key: str,
    now: datetime,
    closes: bool = False,
) -> Message:
    """Sends an agent's answer to the requester; `closes` a ticket that asked for nothing but an
    answer."""
    return reply(
        ports, merchant, ticket, text, author=Author.AGENT, key=key, now=now, closes=closes
    )


def note(
    ports: Ports,
    merchant: str,
    ticket: str,
    text: str,
    *,
    key: str,
    now: datetime,
    closes: bool = False,
) -> Message:
    """Adds a note among agents: the requester neither sees it nor gets mail. A note closes
    nothing."""
    if closes:
        raise Invalid("note_cannot_close", field="close")
    found = thread(ports, merchant, ticket)
    message = messages.message(ticket, merchant, f"msg_{key}", Author.AGENT, text, now)
    message = replace(message, internal=True)
    if message.id not in {each.id for each in found.messages}:
        ports.store.commit(*tickets.add_note(found.ticket, message))
    return message


def reassign(
    ports: Ports, merchant: Merchant, ticket: str, department: str, *, now: datetime
) -> Ticket:
    """Passes a ticket on to another department; raises `Invalid` for an unknown one."""
    if named(merchant.settings.departments.all, department) is None:
        raise Invalid("department_unknown", field="department")
    found = fresh(ports, merchant.id, ticket)
    if found.department == department:
        return found
    shard = ports.shard_of(ticket)
    ports.store.commit(*tickets.reassign(found, department, now, shard))
    return replace(found, department=department)


def find_customer(ports: Ports, found: Ticket) -> Customer | None:
    """Returns the customer that a ticket is known to belong to."""
    if found.customer is None:
        return None
    return ports.store.customer(found.merchant, found.customer)
