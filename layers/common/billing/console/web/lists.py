"""Lists of the console: customers, subscriptions, invoices, and what needs attention (M-1, M-4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import urlencode

from pydantic import Field

from billing.api.web.queries import InstantOrDate, end_of, start_of
from billing.catalog.flows import product_lists
from billing.console.web.pages import PAGE_LENGTH, Desk, failing_hooks, page
from billing.customers.flows import customers
from billing.invoices.flows import invoice_list
from billing.invoices.flows.invoice_list import CreditNote
from billing.kernel.customers import BillTo, Customer
from billing.kernel.errors import Invalid, Refused
from billing.kernel.flows import subscription_list
from billing.kernel.invoices import Invoice
from billing.kernel.list_rows import SubscriptionFilter
from billing.kernel.lists import Page
from billing.kernel.search_words import Search
from billing.kernel.subscription import State, Subscription
from billing.kernel.values import Value
from billing.rebill.flows import attention
from billing.render.einvoice import NoEInvoice
from billing.web import http
from billing.web.emails import with_ascii_domain
from billing.web.inputs import Cursor, Input, Key, read, words

T = TypeVar("T")
Query = TypeVar("Query", bound=Input)
DONE = "done"
"""The field of an address that says what was done; it is no filter."""

PRODUCTS_OFFERED = 100
"""The products to choose from in a filter, the newest; a product's own page leads to the rest."""

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


def find_customers(desk: Desk, query: CustomersQuery, limit: int = PAGE_LENGTH) -> Page[Customer]:
    """Finds customers by email or the beginnings of words, or all of them, newest first."""
    text = None if query.q is None else with_ascii_domain(query.q)
    search = None if text is None else Search.of(text)
    if text is not None and search is None:
        raise Invalid("too_short", field="q", count=2)
    return customers.page(
        *(desk.ports, desk.merchant), email=None, search=search, limit=limit, cursor=query.cursor
    )


def customer_list(desk: Desk) -> http.Answer:
    """Lists customers, newest first, or finds them by email or the beginnings of words."""
    find = partial(find_customers, desk)
    listed = listing(desk, "/console/customers", CustomersQuery, find)
    complete = desk.session.merchant.lists_complete_at is not None
    return show(desk, "console/customers.html", listed, complete=complete)


def find_subscriptions(
    desk: Desk, query: SubscriptionsQuery, limit: int = PAGE_LENGTH
) -> Page[Subscription]:
    """Finds subscriptions by state and product, newest first."""
    where = SubscriptionFilter(query.state, product=query.product)
    return subscription_list.page(
        *(desk.ports, desk.session.merchant, where),
        limit=limit,
        cursor=query.cursor,
        now=desk.now,
    )


def buyers(desk: Desk, found: Sequence[Subscription]) -> dict[str, BillTo]:
    """Returns who subscriptions are billed to, by their ids, in one read."""
    owners = [(each.merchant, each.customer, each.id) for each in found]
    bills = desk.ports.store.bill_tos(owners) if owners else []
    return {bill.purchase: bill.bill_to for bill in bills if bill is not None}


def subscription_rows(desk: Desk) -> http.Answer:
    """Lists subscriptions, newest first, by state and product."""
    merchant, find = desk.session.merchant, partial(find_subscriptions, desk)
    listed = listing(desk, "/console/subscriptions", SubscriptionsQuery, find)
    newest = product_lists.made(desk.ports, merchant, limit=PRODUCTS_OFFERED).data
    chosen = None if listed.wrong else listed.typed.get("product")
    if chosen is not None and chosen not in {each.id for each in newest}:
        older = desk.ports.store.product(merchant.id, chosen)
        newest = (*newest, *filter(None, [older]))
    return show(
        *(desk, "console/subscriptions.html", listed),
        buyers=buyers(desk, listed.data),
        states=tuple(State),
        products=newest,
        complete=merchant.lists_complete_at is not None,
    )


def find_invoices(
    desk: Desk, query: InvoicesQuery, limit: int = PAGE_LENGTH
) -> Page[Invoice | CreditNote]:
    """Finds paid invoices and credit notes by the day of payment, newest first."""
    merchant, zone = desk.session.merchant, desk.session.merchant.settings.time_zone
    since = None if query.from_ is None else start_of(query.from_, zone, "from")
    until = None if query.to is None else end_of(query.to, zone, "to")
    wanted = invoice_list.Filter(None, since, until)
    return invoice_list.page(
        desk.ports, merchant, wanted, limit=limit, cursor=query.cursor, now=desk.now
    )


def invoice_rows(desk: Desk) -> http.Answer:
    """Lists paid invoices and credit notes, newest first, by the day of payment."""
    listed = listing(desk, "/console/invoices", InvoicesQuery, partial(find_invoices, desk))
    credited = {each.refund.id for each in listed.data if isinstance(each, CreditNote)}
    return show(desk, "console/invoices.html", listed, credited=credited)


def invoice_pdf(desk: Desk, document: str) -> http.Answer:
    """Sends the PDF of a paid invoice, or of a credit note by its Order ID."""
    number, content = invoice_list.pdf(desk.ports, desk.session.merchant, document)
    return http.file(content, f"{number}.pdf")


def invoice_xml(desk: Desk, document: str) -> http.Answer:
    """Sends the e-invoice of a document; refused where it has none (M-13)."""
    number, found = invoice_list.xml(desk.ports, desk.session.merchant, document)
    if isinstance(found, NoEInvoice):
        raise Refused("e_invoice_none", code="no_e_invoice")
    return http.file(found, f"{number}.xml", http.XML)


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
    missed = desk.ports.store.missed_notices(desk.merchant, limit=PAGE_LENGTH)
    unseen = sum(each.seen_at is None for each in missed)
    values = {"complete": complete, "hooks": hooks, "unseen": unseen}
    return show(desk, "console/attention.html", listed, **values)
