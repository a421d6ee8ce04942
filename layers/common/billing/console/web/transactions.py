"""The transaction list of the console, with its filter and search (M-1, H-6)."""

from __future__ import annotations

from functools import partial
from typing import Annotated
from urllib.parse import urlencode

from pydantic import Field

from billing.api.web.queries import InstantOrDate, end_of, start_of
from billing.console.flows import transactions
from billing.console.flows.transactions import Filter
from billing.console.web.pages import PAGE_LENGTH, Desk, page
from billing.kernel.errors import Invalid
from billing.kernel.lists import Page
from billing.kernel.orders import Order, OrderKind
from billing.web import http
from billing.web.emails import with_ascii_domain
from billing.web.inputs import Cursor, Input, read, words

HERE = "/console/transactions"


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
        found = find_orders(desk, query)
    except Invalid as error:
        nothing: Page[Order] = Page((), None)
        return _list(desk, typed, nothing, status=422, wrong=error)
    return _list(desk, typed, found)


def find_orders(desk: Desk, query: ListQuery, limit: int = PAGE_LENGTH) -> Page[Order]:
    """Finds orders by kind, days and text, newest first."""
    wanted = query.filter(desk.session.merchant.settings.time_zone)
    look = (
        transactions.page
        if query.q is None
        else partial(transactions.search, text=with_ascii_domain(query.q))
    )
    return look(
        *(desk.ports, desk.session.merchant),
        wanted=wanted,
        limit=limit,
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
        next_url=found.next and f"{HERE}?{urlencode({**kept, 'cursor': found.next})}",
        first_url=f"{HERE}?{urlencode(kept)}" if "cursor" in typed else None,
    )
