"""The routes of /v1 that list subscriptions, customers and invoices (M-1)."""

from __future__ import annotations

from billing.api.web import json_shapes
from billing.api.web.frame import Api, Call
from billing.api.web.json_shapes import Listed, SubscriptionOutput
from billing.customers.flows import customers
from billing.customers.web import shapes
from billing.customers.web.list_queries import CustomersQuery, SubscriptionsQuery
from billing.kernel.flows import subscription_list
from billing.kernel.ports import Ports


def declare(api: Api, ports: Ports) -> None:
    """Declares the routes on an API."""
    _subscriptions(api, ports)
    _customers(api, ports)


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


def _customers(api: Api, ports: Ports) -> None:
    @api.get("/v1/customers", CustomersQuery)
    def find_customers(call: Call[CustomersQuery]) -> Listed[shapes.CustomerOutput]:
        """List customers, newest first; or find them by email, or by words.

        `email` finds the one customer that it belongs to. `q` finds the beginnings of words of
        names and emails, two letters or more, in the order of the words; accents and case do not
        matter, and of several words each must be there. Erased customers are not listed.
        """
        query = call.input
        page = customers.page(
            ports,
            call.merchant.id,
            email=query.email,
            search=query.search(),
            limit=query.limit,
            cursor=query.cursor,
        )
        return json_shapes.listed(map(shapes.customer, page.data), page.next)
