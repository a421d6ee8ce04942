"""The console's lists as CSV by the filters of their pages, up to a bound (M-4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from billing.console.web import lists, tickets, transactions
from billing.console.web.pages import Desk
from billing.helpdesk.tickets import Ticket
from billing.invoices.flows.invoice_list import CreditNote
from billing.kernel.csv_lines import guarded, line
from billing.kernel.customers import Customer
from billing.kernel.errors import Invalid, NotFound
from billing.kernel.invoices import Invoice
from billing.kernel.lists import Page
from billing.kernel.money import Money
from billing.kernel.orders import Order
from billing.kernel.subscription import Subscription
from billing.kernel.values import Value
from billing.web import http
from billing.web.inputs import Input, read

CSV = "text/csv; charset=utf-8"
ROWS_MOST = 2_000
READ_AT_ONCE = 200
PAGES_MOST = 25
"""The most pages read for a file; a rare filter's pages are short, and the file then is, too."""

MARK = "\ufeff"
"""Tells spreadsheets that the file is UTF-8."""

Fields = Iterable[object]


class Kind(Value):
    """A list that is sent as CSV: its filter, how it is found, its columns and lines."""

    query: type[Input]
    find: Callable[[Desk, Any, int], Page[Any]]
    columns: tuple[str, ...]
    lines: Callable[[Desk, Sequence[Any]], Iterator[Fields]]


def csv_file(desk: Desk, what: str) -> http.Answer:
    """Sends a list as CSV; a wrong filter leads to the page, which says what is wrong with it.

    Raises `NotFound` for another list.
    """
    kind = KINDS.get(what)
    if kind is None:
        raise NotFound()
    given = desk.request.query().items()
    typed = {name: v.strip() for name, v in given if v.strip() and name not in ("cursor", "done")}
    try:
        rows, cut = _rows(desk, kind, typed)
    except Invalid:
        return http.redirect(f"/console/{what}?{urlencode(typed)}")
    written = "".join(line(_text(field) for field in row) for row in (kind.columns, *rows))
    name = f"{what}-first-{len(rows)}.csv" if cut else f"{what}.csv"
    return http.file(MARK + written, name, CSV)


def _rows(desk: Desk, kind: Kind, typed: dict[str, str]) -> tuple[list[Fields], bool]:
    """Returns the lines of a list, and whether there are more."""
    rows: list[Fields] = []
    cursor: str | None = None
    for _ in range(PAGES_MOST):
        at = {} if cursor is None else {"cursor": cursor}
        found = kind.find(desk, read(kind.query, {**typed, **at}), READ_AT_ONCE)
        rows += kind.lines(desk, found.data)
        cursor = found.next
        if cursor is None or len(rows) >= ROWS_MOST:
            break
    return rows[:ROWS_MOST], cursor is not None or len(rows) > ROWS_MOST


def _text(field: object) -> str:
    match field:
        case None | False:
            return ""
        case True:
            return "true"
        case datetime():
            return f"{field:%Y-%m-%dT%H:%M:%SZ}"
        case _:
            return guarded(str(field))


def _customers(desk: Desk, found: Sequence[Customer]) -> Iterator[Fields]:
    for each in found:
        where = each.address
        place = (where.line1, where.line2, where.postal_code, where.city, where.state)
        yield (
            *(each.id, each.email, each.name, *place, where.country),
            *(each.language, each.created_at, each.test),
        )


def _subscriptions(desk: Desk, found: Sequence[Subscription]) -> Iterator[Fields]:
    buyers = lists.buyers(desk, found)
    for each in found:
        bill, price = buyers.get(each.id), each.terms.price
        yield (
            *(each.id, each.state, each.product, each.product_name, each.price_point),
            *(price.decimal, price.currency, each.customer, bill and bill.email, each.started_at),
            *(each.next_charge_at, each.ends_at, each.payments_made, each.test),
        )


def _orders(desk: Desk, found: Sequence[Order]) -> Iterator[Fields]:
    for each in found:
        refunded = Money(each.refunded_minor, each.amount.currency)
        yield (
            *(each.id, each.kind, each.at, each.amount.decimal, each.amount.currency),
            *(refunded.decimal, each.customer, each.email, each.product, each.product_name),
            *(each.price_point, each.subscription, each.invoice, each.code, each.reason),
            *(each.withdrawn, each.test),
        )


def _invoices(desk: Desk, found: Sequence[Invoice | CreditNote]) -> Iterator[Fields]:
    for each in found:
        is_credit = isinstance(each, CreditNote)
        invoice = each.invoice if isinstance(each, CreditNote) else each
        paper = each.refund if isinstance(each, CreditNote) else each
        total = each.refund.amount if isinstance(each, CreditNote) else each.total
        yield (
            *("credit_note" if is_credit else "invoice", paper.number, paper.order_id),
            *(paper.settled_at, total.decimal, total.currency, invoice.customer),
            *(invoice.bill_to.email, invoice.bill_to.name, invoice.bill_to.address.country),
            *(invoice.number if is_credit else None, invoice.test),
        )


def _tickets(desk: Desk, found: Sequence[Ticket]) -> Iterator[Fields]:
    for each in found:
        yield (
            *(each.id, each.department, each.state, each.subject, each.email, each.customer),
            *(each.wish, each.order, each.product_name, each.requested_at),
            *(each.first_answered_at, each.decided_at, each.test),
        )


KINDS: dict[str, Kind] = {
    "customers": Kind(
        lists.CustomersQuery,
        lists.find_customers,
        (
            *("id", "email", "name", "line1", "line2", "postal_code", "city", "state", "country"),
            *("language", "created_at", "test"),
        ),
        _customers,
    ),
    "subscriptions": Kind(
        lists.SubscriptionsQuery,
        lists.find_subscriptions,
        (
            *("id", "state", "product", "product_name", "price_point", "price", "currency"),
            *("customer", "email", "started_at", "next_charge_at", "ends_at", "payments_made"),
            "test",
        ),
        _subscriptions,
    ),
    "transactions": Kind(
        transactions.ListQuery,
        transactions.find_orders,
        (
            *("id", "kind", "at", "amount", "currency", "refunded", "customer", "email"),
            *("product", "product_name", "price_point", "subscription", "invoice", "code"),
            *("reason", "withdrawn", "test"),
        ),
        _orders,
    ),
    "invoices": Kind(
        lists.InvoicesQuery,
        lists.find_invoices,
        (
            *("kind", "number", "order", "paid_at", "total", "currency", "customer", "email"),
            *("name", "country", "credits", "test"),
        ),
        _invoices,
    ),
    "tickets": Kind(
        tickets.QueueQuery,
        tickets.find_tickets,
        (
            *("id", "department", "state", "subject", "email", "customer", "wish", "order"),
            *("product_name", "requested_at", "first_answered_at", "decided_at", "test"),
        ),
        _tickets,
    ),
}
"""The lists that are sent as CSV, by the last part of their pages' addresses."""
