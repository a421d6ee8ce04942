"""The console's pages: the transaction list with its filter and search, and a page per customer."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlencode

from pydantic import Field

from billing.accounts.web import console_session, error_pages
from billing.accounts.web.console_session import Session
from billing.api.web.queries import InstantOrDate, end_of, start_of
from billing.console.flows import transactions
from billing.console.flows.transactions import Filter
from billing.customers.flows import customers
from billing.kernel.errors import Invalid
from billing.kernel.lists import Page
from billing.kernel.orders import Order, OrderKind
from billing.kernel.ports import Ports
from billing.kernel.values import Value
from billing.outbox.flows import suppressions
from billing.render.messages import MERCHANTS_LANGUAGE
from billing.web import http
from billing.web.emails import with_ascii_domain
from billing.web.inputs import Cursor, Input, read, words
from billing.web.request import Request

PAGE_LENGTH = 50
DONE = frozenset(
    {
        "cancel_ended",
        "cancel_pending",
        "cancel_charge_under_way",
        "undone",
        "refunded",
        "refund_under_way",
        "refunded_still_runs",
        "refund_under_way_still_runs",
        "mail_resumed",
    }
)
"""Codes of the confirmations that a customer's page can show."""


class Desk(Value):
    """A signed-in merchant's request."""

    ports: Ports
    session: Session
    request: Request
    now: datetime

    @property
    def merchant(self) -> str:
        return self.session.merchant.id


class ListQuery(Input):
    """The filter form of the transaction list; `to` is the last day that is shown."""

    q: Annotated[str, words(254)] | None = None
    kind: OrderKind | None = None
    from_: Annotated[InstantOrDate | None, Field(alias="from")] = None
    to: InstantOrDate | None = None
    cursor: Cursor | None = None

    def filter(self, zone: str) -> Filter:
        """Returns the filter of the list; raises `Invalid`."""
        since = None if self.from_ is None else start_of(self.from_, zone, "from")
        until = None if self.to is None else end_of(self.to, zone, "to")
        return Filter(kind=self.kind, since=since, until=until)


def transaction_list(desk: Desk) -> http.Answer:
    """Shows the filtered transaction list; an invalid filter comes back with its errors."""
    typed = {name: value.strip() for name, value in desk.request.query().items() if value.strip()}
    try:
        query = read(ListQuery, typed)
        found = _find(desk, query, query.filter(desk.session.merchant.settings.time_zone))
    except Invalid as error:
        nothing: Page[Order] = Page((), None)
        return _list(desk, typed, nothing, status=422, wrong=error)
    return _list(desk, typed, found)


def customer_page(desk: Desk, customer: str) -> http.Answer:
    """Shows one customer with what they hold, and their orders page by page."""
    query = desk.request.query()
    cursor, what = query.get("cursor") or None, query.get("done")
    overview = customers.overview(desk.ports, desk.merchant, customer, now=desk.now, cursor=cursor)
    here = f"/console/customers/{customer}"
    return page(
        desk,
        "console/customer.html",
        overview=overview,
        now=desk.now,
        done=what if what in DONE else None,
        next_url=overview.older and f"{here}?{urlencode({'cursor': overview.older})}",
        first_url=here if cursor is not None else None,
    )


def resume_mail(desk: Desk, customer: str) -> http.Answer:
    """Lets mail go to the customer's address again."""
    suppressions.lift(desk.ports, desk.merchant, customer)
    return done(customer, "mail_resumed")


def done(customer: str, what: str) -> http.Answer:
    """Redirects to a customer's page, which says what was done; a reload does it no second time."""
    return http.redirect(f"/console/customers/{customer}?done={what}")


def _find(desk: Desk, query: ListQuery, wanted: Filter) -> Page[Order]:
    look = (
        transactions.page
        if query.q is None
        else partial(transactions.search, text=with_ascii_domain(query.q))
    )
    return look(
        desk.ports,
        desk.session.merchant,
        wanted=wanted,
        limit=PAGE_LENGTH,
        cursor=query.cursor,
        now=desk.now,
    )


def _list(
    desk: Desk,
    typed: dict[str, str],
    found: Page[Order],
    *,
    status: int = 200,
    wrong: Invalid | None = None,
) -> http.Answer:
    kept = {name: value for name, value in typed.items() if name != "cursor"}
    return page(
        desk,
        "console/transactions.html",
        status=status,
        orders=found.data,
        kinds=tuple(OrderKind),
        typed=typed,
        wrong=wrong,
        next_url=found.next and f"/console?{urlencode({**kept, 'cursor': found.next})}",
        first_url=f"/console?{urlencode(kept)}" if "cursor" in typed else None,
    )


def page(desk: Desk, template: str, *, status: int = 200, **values: Any) -> http.Answer:
    around = _around(desk.session)
    return http.page(template, MERCHANTS_LANGUAGE, status=status, **around, **values)


def failure(ports: Ports, error: Exception, request: Request, now: datetime) -> http.Answer:
    """Renders an error inside the console for a signed-in merchant, else on a page of its own."""
    session = None
    if not request.wants_problem:
        with suppress(Exception):  # the first error is the one to show, in whatever look
            session = console_session.required(ports, request, now)
    if session is None:
        return error_pages.of_console(ports, error, request)
    around = _around(session)
    return http.failure(
        error,
        request,
        "console/problem.html",
        MERCHANTS_LANGUAGE,
        section="console.error",
        **around,
    )


def _around(session: Session) -> dict[str, Any]:
    """Returns what the layout of every page shows."""
    return {
        "merchant": session.merchant,
        "zone": session.merchant.settings.time_zone,
        "csrf": session.csrf,
        "armed": session.armed,
    }
