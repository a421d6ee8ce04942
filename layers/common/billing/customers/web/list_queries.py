"""Query strings of the lists of subscriptions, customers and invoices in /v1."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from billing.api.web.queries import InstantOrDate, PageQuery, SpanQuery, start_of
from billing.kernel.errors import Invalid
from billing.kernel.list_rows import SubscriptionFilter
from billing.kernel.search_words import LEAST, Search
from billing.kernel.subscription import State
from billing.web.inputs import Email, Key, words


class SubscriptionsQuery(PageQuery):
    """Filters of the list of subscriptions; those that are given must all hold."""

    state: State | None = None
    customer: Key | None = None
    product: Key | None = None
    price_point: Key | None = None
    updated_since: InstantOrDate | None = None

    def since(self, zone: str) -> datetime | None:
        """Returns the instant from which on changes are asked for, None for all subscriptions."""
        asked = self.updated_since
        return None if asked is None else start_of(asked, zone, "updated_since")

    def filter(self) -> SubscriptionFilter:
        """Returns the filter in the form that the flow takes."""
        return SubscriptionFilter(self.state, self.customer, self.product, self.price_point)


Typed = Annotated[str, words(100, LEAST)]
"""The beginnings of words, as typed into a search."""


class CustomersQuery(PageQuery):
    """The email of a customer, or the beginnings of words of names and emails."""

    email: Email | None = None
    q: Typed | None = None

    def search(self) -> Search | None:
        """Returns the search, None without `q`; raises `Invalid` if no word has two letters."""
        if self.q is None:
            return None
        found = Search.of(self.q)
        if found is None:
            raise Invalid("too_short", field="q", count=LEAST)
        return found


class InvoicesQuery(SpanQuery):
    """Filters of the list of invoices, by the day of payment."""

    customer: Key | None = None
