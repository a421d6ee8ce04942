"""The agents' side of the helpdesk: lists of tickets, figures, and the support look-up (H-6)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from billing.helpdesk.flows import open_ticket
from billing.helpdesk.flows.open_ticket import Request
from billing.helpdesk.helpdesk_metrics import Figures, figures
from billing.helpdesk.tickets import Ownership, Ticket, TicketType
from billing.kernel.errors import Invalid, NotFound
from billing.kernel.flows.paging import READS_AT_MOST, filtered, pages, part
from billing.kernel.lists import Page
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.values import Value

READ_AT_ONCE = 200
WAITING_MOST = 1000
"""The most tickets of one department that are listed: nobody reads more in one list."""

FIGURES_OVER = timedelta(days=30)
OPEN = frozenset({"open", "answered"})


class Filter(Value):
    """A filter of tickets; `state` is the state that people are shown."""

    department: str | None = None
    state: str | None = None
    customer: str | None = None

    def takes(self, found: Ticket) -> bool:
        return (
            self.department in {None, found.department}
            and self.state in {None, found.shown_state}
            and self.customer in {None, found.customer}
        )


def page(
    ports: Ports,
    merchant: Merchant,
    wanted: Filter,
    *,
    limit: int,
    cursor: str | None,
    now: datetime,
) -> Page[Ticket]:
    """Lists tickets, newest first; raises `NotFound` for an unknown customer, `Invalid` for a
    cursor of another list."""
    if wanted.customer is not None:
        if ports.store.customer(merchant.id, wanted.customer) is None:
            raise NotFound("customer_unknown")
        owner = wanted.customer
        return filtered(
            lambda at: ports.store.tickets_of(merchant.id, owner, limit=READ_AT_ONCE, cursor=at),
            wanted.takes,
            lambda each: each.id,
            limit=limit,
            cursor=cursor,
        )
    if wanted.state in OPEN:
        found = waiting(ports, merchant, wanted.department)
        found.reverse()
    else:
        entries = _list(ports, merchant, merchant.created_at, now)
        return filtered(entries, wanted.takes, lambda each: each.id, limit=limit, cursor=cursor)
    taken = [each for each in found if wanted.takes(each)]
    return part(taken, lambda each: each.id, limit=limit, cursor=cursor)


def newest_with(ports: Ports, merchant: Merchant, number: str, *, now: datetime) -> Ticket | None:
    """Returns the newest ticket with a short number, of as many as are read at once."""
    read = pages(_list(ports, merchant, merchant.created_at, now), at_most=READS_AT_MOST)
    return next((each for page in read for each in page.data if each.number == number), None)


def waiting(
    ports: Ports, merchant: Merchant, department: str | None = None, *, most: int = WAITING_MOST
) -> list[Ticket]:
    """Lists tickets that still need a person, the longest waiting first, `most` of each
    department."""
    ids = [each.id for each in merchant.settings.departments.all]
    wanted = ids if department is None else [each for each in ids if each == department]
    found = [
        each for name in wanted for each in ports.store.waiting_tickets(merchant.id, name, most)
    ]
    return sorted(found, key=lambda each: (each.requested_at, each.id))


def service(ports: Ports, merchant: Merchant, *, now: datetime) -> tuple[Figures, ...]:
    """Returns each department's figures of the last 30 days, and its open tickets by age."""
    since = max(merchant.created_at, now - FIGURES_OVER)
    read = pages(_list(ports, merchant, since, now), at_most=READS_AT_MOST)
    asked = [found for page in read for found in page.data]
    return figures(merchant.settings.departments.all, asked, waiting(ports, merchant), now)


def open_for(ports: Ports, merchant: Merchant, request: Request, *, now: datetime) -> Ticket:
    """Opens a ticket that the merchant enters in somebody's name; an Order ID must be of an order
    of theirs.

    Raises `Invalid`, naming the field.
    """
    order = open_ticket.find_order(ports, merchant.id, request.order, request.email)
    if request.order is not None and order is None:
        raise Invalid("order_not_of_email", field="order")
    if request.wish is not None and order is None:
        raise Invalid("order_needed", field="order")
    if request.wish is TicketType.CANCEL and order is not None and order.subscription is None:
        raise Invalid("order_not_recurring", field="order")
    owner = order.customer if order else ports.store.customer_by_email(merchant.id, request.email)
    return open_ticket.open_one(
        ports, merchant, request, customer=owner, ownership=Ownership.MERCHANT, now=now
    )


def _list(
    ports: Ports, merchant: Merchant, since: datetime, now: datetime
) -> Callable[[str | None], Page[Ticket]]:
    """Returns a function from a cursor to that page of the list of tickets."""
    until = now + timedelta(microseconds=1)
    return lambda cursor: ports.store.tickets(
        merchant.id, since=since, until=until, limit=READ_AT_ONCE, cursor=cursor
    )
