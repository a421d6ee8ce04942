"""Lists of the console: customers, subscriptions, invoices, and what needs attention (M-1, M-4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import urlencode

from pydantic import Field

from billing.api.web.queries import InstantOrDate, end_of, start_of
from billing.console.web.pages import PAGE_LENGTH, Desk, failing_hooks, page
from billing.customers.flows import customers
from billing.invoices.flows import invoice_list
from billing.invoices.flows.invoice_list import CreditNote
from billing.kernel.errors import Invalid
from billing.kernel.flows import subscription_list
from billing.kernel.list_rows import SubscriptionFilter
from billing.kernel.lists import Page
from billing.kernel.search_words import Search
from billing.kernel.subscription import State
from billing.kernel.values import Value
from billing.rebill.flows import attention
from billing.web import http
from billing.web.emails import with_ascii_domain
from billing.web.inputs import Cursor, Input, Key, read, words

T = TypeVar("T")
Query = TypeVar("Query", bound=Input)
DONE = "done"
"""The field of an address that says what was done; it is no filter."""

NOTHING: Page[Any] = Page((), None)


class CustomersQuery(Input):
    """The filter of customers: an email, or the beginnings of words."""

    q: Annotated[str, words(254)] | None = None
    cursor: Cursor | None = None


class SubscriptionsQuery(Input):
    """The filter of subscriptions, by state and by product."""

    state: State | None = None
    product: Key | None = None
    cursor: Cursor | None = None


class InvoicesQuery(Input):
    """The filter of invoices, by the local days of their payment; that of `to` is included."""

    from_: Annotated[InstantOrDate | None, Field(alias="from")] = None
    to: InstantOrDate | None = None
    cursor: Cursor | None = None


class AttentionQuery(Input):
    """A page of what needs attention."""

    cursor: Cursor | None = None


class Listing(Value, Generic[T]):
    """A page of a list with the filter as it was typed, and the addresses of other pages."""

    data: tuple[T, ...]
    typed: Mapping[str, str]
    wrong: Invalid | None
    next_url: str | None
    first_url: str | None


def listing(
    desk: Desk, here: str, shape: type[Query], find: Callable[[Query], Page[T]]
) -> Listing[T]:
    """Reads the filter in the address and finds what passes it; a wrong one comes back."""
    query = desk.request.query().items()
    typed = {name: value.strip() for name, value in query if value.strip() and name != DONE}
    found: Page[T] = NOTHING
    wrong: Invalid | None = None
    try:
        found = find(read(shape, typed))
    except Invalid as error:
        wrong = error
    kept = {name: value for name, value in typed.items() if name != "cursor"}
    begins = f"{here}?{urlencode(kept)}" if kept else here
    after = found.next and f"{here}?{urlencode({**kept, 'cursor': found.next})}"
    return Listing(found.data, typed, wrong, after, begins if "cursor" in typed else None)


def show(desk: Desk, template: str, listed: Listing[T], **values: Any) -> http.Answer:
    """Renders a list, 422 where its filter is wrong."""
    status = 422 if listed.wrong else 200
    return page(desk, template, status=status, listed=listed, **values)


def customer_list(desk: Desk) -> http.Answer:
    """Lists customers, newest first, or finds them by email or the beginnings of words."""

    def find(query: CustomersQuery) -> Page[Any]:
        text = None if query.q is None else with_ascii_domain(query.q)
        search = None if text is None else Search.of(text)
        if text is not None and search is None:
            raise Invalid("too_short", field="q", count=2)
        merchant = desk.merchant
        return customers.page(
            *(desk.ports, merchant),
            email=None,
            search=search,
            limit=PAGE_LENGTH,
            cursor=query.cursor,
        )

    listed = listing(desk, "/console/customers", CustomersQuery, find)
    complete = desk.session.merchant.lists_complete_at is not None
    return show(desk, "console/customers.html", listed, complete=complete)


def subscription_rows(desk: Desk) -> http.Answer:
    """Lists subscriptions, newest first, by state and product."""
    ports, merchant = desk.ports, desk.session.merchant

    def find(query: SubscriptionsQuery) -> Page[Any]:
        where = SubscriptionFilter(query.state, product=query.product)
        return subscription_list.page(
            ports, merchant, where, limit=PAGE_LENGTH, cursor=query.cursor, now=desk.now
        )

    listed = listing(desk, "/console/subscriptions", SubscriptionsQuery, find)
    owners = [(each.merchant, each.customer, each.id) for each in listed.data]
    bills = ports.store.bill_tos(owners) if owners else []
    buyers = {bill.purchase: bill.bill_to for bill in bills if bill is not None}
    products, _ = ports.store.catalog(merchant.id)
    return show(
        *(desk, "console/subscriptions.html", listed),
        buyers=buyers,
        states=tuple(State),
        products=products[::-1],
        complete=merchant.lists_complete_at is not None,
    )


def invoice_rows(desk: Desk) -> http.Answer:
    """Lists paid invoices and credit notes, newest first, by the day of payment."""
    merchant, zone = desk.session.merchant, desk.session.merchant.settings.time_zone

    def find(query: InvoicesQuery) -> Page[Any]:
        since = None if query.from_ is None else start_of(query.from_, zone, "from")
        until = None if query.to is None else end_of(query.to, zone, "to")
        wanted = invoice_list.Filter(None, since, until)
        return invoice_list.page(
            desk.ports, merchant, wanted, limit=PAGE_LENGTH, cursor=query.cursor, now=desk.now
        )

    listed = listing(desk, "/console/invoices", InvoicesQuery, find)
    credited = {each.refund.id for each in listed.data if isinstance(each, CreditNote)}
    return show(desk, "console/invoices.html", listed, credited=credited)


def invoice_pdf(desk: Desk, document: str) -> http.Answer:
    """Sends the PDF of a paid invoice, or of a credit note by its Order ID."""
    number, content = invoice_list.pdf(desk.ports, desk.session.merchant, document)
    return http.file(content, f"{number}.pdf")


def attention_list(desk: Desk) -> http.Answer:
    """Lists subscriptions that are overdue, parked, waiting, or ended with credit."""
    complete = True

    def find(query: AttentionQuery) -> Page[Any]:
        nonlocal complete
        found = attention.page(
            *(desk.ports, desk.session.merchant),
            limit=PAGE_LENGTH,
            cursor=query.cursor,
            now=desk.now,
        )
        complete = found.complete
        return found.page

    listed = listing(desk, "/console/attention", AttentionQuery, find)
    hooks = failing_hooks(desk)
    return show(desk, "console/attention.html", listed, complete=complete, hooks=hooks)
