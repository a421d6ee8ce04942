"""The questions of /v1 about orders, access, accounts and the forecast, as they are sent."""

from __future__ import annotations

from datetime import datetime

from billing.api.web.queries import InstantOrDate, SpanQuery, end_of
from billing.kernel.orders import OrderKind
from billing.web.inputs import Email, Input, Key


class OrdersQuery(SpanQuery):
    """Filters of the transaction list; a bare date is a local day, that of `to` included."""

    customer: Key | None = None
    subscription: Key | None = None
    kind: OrderKind | None = None


class AccessQuery(Input):
    """The customer and the grant to check access for."""

    email: Email
    grant: Key


class AccountQuery(Input):
    """The old username and email of an account."""

    username: Key
    email: Email


class ForecastQuery(Input):
    """The day up to which to forecast."""

    to: InstantOrDate

    def until(self, zone: str) -> datetime:
        """Returns the instant that the forecast ends at; raises `Invalid`."""
        return end_of(self.to, zone, "to")
