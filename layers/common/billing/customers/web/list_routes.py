"""The routes of /v1 that list subscriptions, customers and invoices (M-1)."""

from __future__ import annotations

from billing.api.web import json_shapes
from billing.api.web.frame import Api, Call
from billing.api.web.json_shapes import Listed, SubscriptionOutput
from billing.customers.web.list_queries import SubscriptionsQuery
from billing.kernel.flows import subscription_list
from billing.kernel.ports import Ports


def declare(api: Api, ports: Ports) -> None:
    """Declares the routes on an API."""
    _subscriptions(api, ports)


def _subscriptions(api: Api, ports: Ports) -> None:
    @api.get("/v1/subscriptions", SubscriptionsQuery)
    def list_subscriptions(call: Call[SubscriptionsQuery]) -> Listed[SubscriptionOutput]:
        """List subscriptions, newest first."""
        query = call.input
        page = subscription_list.page(
            ports,
            call.merchant,
            query.filter(),
            limit=query.limit,
            cursor=query.cursor,
            now=call.now,
        )
        return json_shapes.listed(map(json_shapes.subscription, page.data), page.next)
