"""The agents' side: lists of tickets, figures, and the support look-up (H-6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from billing.errors import Invalid, NotFound
from billing.flows import ticket
from billing.flows.paging import part
from billing.flows.ticket import Request
from billing.merchants import Merchant
from billing.ports import Ports
from billing.service import Figures, figures
from billing.storage import Page
from billing.tickets import Ownership, Ticket, Wish

READ_AT_ONCE = 200
READS_AT_MOST = 20
WAITING_MOST = 1000
"""Of one department: what is longer than that nobody reads in one list."""

FIGURES_OVER = timedelta(days=30)
OPEN = frozenset({"open", "answered"})


@dataclass(frozen=True, slots=True)
class Filter:
    """Which tickets; `state` is one that is shown."""

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
    """Tickets, newest first; raises `NotFound` for an unknown customer, `Invalid` for a cursor of
    another list."""
    if wanted.customer is not None:
        if ports.store.customer(merchant.id, wanted.customer) is None:
            raise NotFound("There is no such customer.")
        found = ports.store.tickets_of(merchant.id, wanted.customer)
    elif wanted.state in OPEN:
        found = waiting(ports, merchant, wanted.department)
        found.reverse()
    else:
        return _filtered(ports, merchant, wanted, limit, cursor, now)
    taken = [each for each in found if wanted.takes(each)]
    return part(taken, lambda each: each.id, limit=limit, cursor=cursor)


def waiting(ports: Ports, merchant: Merchant, department: str | None = None) -> list[Ticket]:
    """What a person has something left to do about, those that wait longest first."""
    ids = [each.id for each in merchant.settings.departments.all]
    wanted = ids if department is None else [each for each in ids if each == department]
    found = [
        each
        for name in wanted
        for each in ports.store.waiting_tickets(merchant.id, name, WAITING_MOST)
    ]
    return sorted(found, key=lambda each: (each.requested_at, each.id))


def service(ports: Ports, merchant: Merchant, *, now: datetime) -> tuple[Figures, ...]:
    """Each department's figures of the last 30 days, and what is open by age."""
    since = max(merchant.created_at, now - FIGURES_OVER)
    asked = [found for read in _read(ports, merchant, since, now, None) for found in read.data]
    return figures(merchant.settings.departments.all, asked, waiting(ports, merchant), now)


def open_for(ports: Ports, merchant: Merchant, request: Request, *, now: datetime) -> Ticket:
    """A ticket that the merchant enters in somebody's name; one Order ID given, it must be theirs.

    Raises `Invalid`, naming the field.
    """
    order = ticket.owned(ports, merchant.id, request.order, request.email)
    if request.order is not None and order is None:
        raise Invalid(
            "No order of this email has this Order ID. Another email may have been used at "
            "checkout.",
            field="order",
        )
    if request.wish is not None and order is None:
        raise Invalid("The Order ID that it is about is required.", field="order")
    if request.wish is Wish.CANCEL and order is not None and order.subscription is None:
        raise Invalid("This order does not recur: there is nothing to cancel.", field="order")
    owner = order.customer if order else ports.store.customer_by_email(merchant.id, request.email)
    return ticket.open_one(
        ports, merchant, request, customer=owner, ownership=Ownership.MERCHANT, now=now
    )


def _filtered(
    ports: Ports,
    merchant: Merchant,
    wanted: Filter,
    limit: int,
    cursor: str | None,
    now: datetime,
) -> Page[Ticket]:
    """Read pages of the list until one of ours is full. The cursor is that of the page read last
    and the last ticket shown from it: `<cursor>~<id>`."""
    at, _, seen = (cursor or "").partition("~")
    shown: list[Ticket] = []
    for read in _read(ports, merchant, merchant.created_at, now, at or None):
        for found in read.data:
            if seen:
                seen = "" if found.id == seen else seen
            elif wanted.takes(found):
                if len(shown) == limit:
                    return Page(tuple(shown), f"{at}~{shown[-1].id}")
                shown.append(found)
        at = read.next or ""
    if cursor is not None and seen:
        raise Invalid("That is not a cursor that this list gave.", field="cursor")
    return Page(tuple(shown), f"{at}~" if at else None)


def _read(
    ports: Ports, merchant: Merchant, since: datetime, now: datetime, cursor: str | None
) -> Iterator[Page[Ticket]]:
    until = now + timedelta(microseconds=1)
    for _ in range(READS_AT_MOST):
        read = ports.store.tickets(
            merchant.id, since=since, until=until, limit=READ_AT_ONCE, cursor=cursor
        )
        yield read
        cursor = read.next
        if cursor is None:
            return
