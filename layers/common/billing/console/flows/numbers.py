"""The search by numbers: an invoice by its own, a ticket by its short one (M-4).

Neither number is a key. Each is looked for in a bounded number of reads.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from billing.helpdesk.flows import helpdesk
from billing.helpdesk.tickets import Ticket
from billing.kernel.invoices import Invoice
from billing.kernel.merchants import Merchant
from billing.kernel.orders import PAYMENTS, Order
from billing.kernel.ports import Ports

INVOICE = re.compile(r"(?:(INV|TEST)-)?([0-9]{6,12})")
TICKET = re.compile(r"#?([0-9]{4})-?([0-9]{4})")

LOOKS_MOST = 30
"""The most looks into the list of orders: each halves the time in which an invoice may be."""

AROUND = 40
"""The orders of a look; numbers are given within seconds, so they are nearly in order of time."""

APART = timedelta(milliseconds=1)


def invoice(ports: Ports, merchant: Merchant, text: str, *, now: datetime) -> Order | None:
    """Returns the order that the invoice with a number is of, by halving the time it may be in."""
    typed = INVOICE.fullmatch(text.upper())
    if typed is None:
        return None
    wanted, is_test = int(typed[2]), typed[1] == "TEST"
    low, high = merchant.created_at, now + APART
    for look in range(LOOKS_MOST):
        until = low + (high - low) / 2 if look else high
        page = ports.store.orders(
            merchant.id,
            since=merchant.created_at,
            until=until,
            limit=AROUND,
            lists=merchant.order_lists,
        )
        numbers = _numbers(ports, page.data, is_test)
        for number, order in numbers:
            if number == wanted:
                return order
        newest = max((number for number, _ in numbers), default=0)
        unknown = not numbers and page.next is not None
        if newest > wanted or unknown:
            high = min(until, page.data[-1].at + APART)
        else:
            low = until
        if high - low <= APART:
            return None
    return None


def _numbers(ports: Ports, orders: Sequence[Order], is_test: bool) -> list[tuple[int, Order]]:
    """Returns the numbers of the orders' invoices in one series."""
    paid = [o for o in orders if o.kind in PAYMENTS and o.test is is_test and o.invoice]
    named = [(o.merchant, o.customer, o.invoice) for o in paid if o.customer and o.invoice]
    found = ports.store.invoices(named) if named else []
    pairs = zip((o for o in paid if o.customer and o.invoice), found, strict=True)
    return [(_number(each), order) for order, each in pairs if each is not None and each.number]


def _number(found: Invoice) -> int:
    assert found.number is not None, "it is numbered"
    return int(found.number.rpartition("-")[2])


def ticket(ports: Ports, merchant: Merchant, text: str, *, now: datetime) -> Ticket | None:
    """Returns the ticket with a short number: one that waits, or one of the newest."""
    typed = TICKET.fullmatch(text)
    if typed is None:
        return None
    number = f"{typed[1]}-{typed[2]}"
    waiting = helpdesk.waiting(ports, merchant)[::-1]
    known = next((each for each in waiting if each.number == number), None)
    return known or helpdesk.newest_with(ports, merchant, number, now=now)
