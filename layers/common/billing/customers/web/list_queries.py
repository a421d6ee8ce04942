"""Query strings of the lists of subscriptions, customers and invoices in /v1."""

from __future__ import annotations

from billing.api.web.queries import PageQuery
from billing.kernel.list_rows import SubscriptionFilter
from billing.kernel.subscription import State
from billing.web.inputs import Key


class SubscriptionsQuery(PageQuery):
    """Filters of the list of subscriptions; those that are given must all hold."""

    state: State | None = None
    customer: Key | None = None
    product: Key | None = None
    price_point: Key | None = None

    def filter(self) -> SubscriptionFilter:
        """Returns the filter in the form that the flow takes."""
        return SubscriptionFilter(self.state, self.customer, self.product, self.price_point)
