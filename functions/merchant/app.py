"""The JSON API for merchants' programs, under /v1."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from importlib import import_module
from typing import Any

from billing.api.web import json_shapes, subscription_shapes
from billing.api.web.frame import Api, Call, Later
from billing.api.web.json_shapes import Listed, OrderOutput
from billing.kernel.flows import subscriptions
from billing.kernel.ports import Ports
from billing.kernel.subscription import Source
from billing.runtime import telemetry, wiring
from billing.web import custom_domains, http
from billing.web.inputs import Nothing
from billing.web.request import Request

REFUND_REFUSED = {
    "409": "The state or a policy forbids it; `code` says which. `refund_open`: a refund of this "
    "payment is under way, and without an Idempotency-Key another cannot be told from it."
}


def build(ports: Ports, part: str | None = None) -> http.Resolver:
    """Builds the routes of this function over the given ports.

    With a part of `PARTS`, only those that `/v1/<part>` may be about, and a cold start loads the
    modules of no others.
    """
    app = http.resolver(place=custom_domains.placed(ports))
    api = Api(app, ports)
    for declare in PARTS[part] if part else _all():
        declare(api, ports)

    @app.get("/v1/openapi.json")
    def document() -> http.Answer:
        from billing.api.web import openapi
        from billing.webhooks.web import documented

        base_url = Request.of(app.current_event).base_url
        return http.json(openapi.document(api.routes, base_url, documented.webhooks()))

    return app


def _catalog(api: Api, ports: Ports) -> None:
    from billing.accounts.web import catalog_routes

    catalog_routes.declare(api, ports)


def _sales(api: Api, ports: Ports) -> None:
    from billing.accounts.web.merchant_queries import OrdersQuery
    from billing.console.flows import transactions
    from billing.console.flows.transactions import Filter

    @api.get("/v1/orders", OrdersQuery)
    def list_orders(call: Call[OrdersQuery]) -> Listed[OrderOutput]:
        """List orders (the transaction list), newest first."""
        query = call.input
        wanted = Filter(
            customer=query.customer,
            subscription=query.subscription,
            kind=query.kind,
            since=query.since(call.zone),
            until=query.until(call.zone),
        )
        page = transactions.page(
            ports, call.merchant, wanted, limit=query.limit, cursor=query.cursor, now=call.now
        )
        return json_shapes.listed(map(json_shapes.order, page.data), page.next)

    @api.get("/v1/orders/<order>")
    def show_order(call: Call[Nothing], order: str) -> OrderOutput:
        """Retrieve one entry of the transaction list."""
        return json_shapes.order(transactions.one(ports, call.merchant.id, order))

    @api.get("/v1/subscriptions/<subscription>")
    def show_subscription(
        call: Call[Nothing], subscription: str
    ) -> subscription_shapes.SubscriptionOutput:
        """Retrieve one subscription."""
        found = subscriptions.fresh(ports, call.merchant.id, subscription)
        return subscription_shapes.subscription(found.as_of(call.now))


def _customers(api: Api, ports: Ports) -> None:
    from billing.accounts.web import merchant_shapes
    from billing.accounts.web.merchant_inputs import CustomerChangeInput
    from billing.accounts.web.merchant_queries import AccessQuery, ForecastQuery
    from billing.api.web.queries import PageQuery
    from billing.customers.flows import customers
    from billing.customers.web import shapes as customer_shapes
    from billing.outbox.flows import suppressions
    from billing.privacy.flows import erase, export
    from billing.privacy.web import shapes as privacy_shapes
    from billing.rebill.flows import attention, forecast

    @api.get("/v1/customers/<customer>")
    def show_customer(call: Call[Nothing], customer: str) -> customer_shapes.OverviewOutput:
        """Retrieve one customer with access, subscriptions, orders, invoices and cards."""
        found = customers.overview(ports, call.merchant.id, customer, now=call.now)
        return customer_shapes.overview(found)

    @api.patch("/v1/customers/<customer>", CustomerChangeInput)
    def change_customer(
        call: Call[CustomerChangeInput], customer: str
    ) -> customer_shapes.CustomerOutput:
        """Change email, name or address; what was bought and billed keeps its own."""
        changes = call.input.changes()
        changed = customers.change(ports, call.merchant.id, customer, changes, now=call.now)
        return customer_shapes.customer(changed)

    @api.get("/v1/customers/<customer>/export")
    def export_customer(call: Call[Nothing], customer: str) -> privacy_shapes.ExportOutput:
        """Export everything that is kept of one customer, as they may ask for (M-8)."""
        return privacy_shapes.export(export.export(ports, call.merchant.id, customer, now=call.now))

    @api.post("/v1/customers/<customer>/erase", status=200)
    def erase_customer(call: Call[Nothing], customer: str) -> customer_shapes.CustomerOutput:
        """Erase a customer once nothing of theirs runs; invoices and ledger stay (M-8)."""
        return customer_shapes.customer(erase.one(ports, call.merchant.id, customer, now=call.now))

    @api.post("/v1/customers/<customer>/resume-mail", status=200)
    def resume_mail(call: Call[Nothing], customer: str) -> customer_shapes.OverviewOutput:
        """Resume mail to a customer's address, after mail came back or they complained."""
        merchant = call.merchant.id
        suppressions.lift(ports, merchant, customer, now=call.now)
        found = customers.overview(ports, merchant, customer, now=call.now)
        return customer_shapes.overview(found)

    @api.get("/v1/access", AccessQuery)
    def show_access(call: Call[AccessQuery]) -> merchant_shapes.ActiveOutput:
        """Show whether the customer with this email may use a grant now."""
        query = call.input
        active = customers.has_access(
            ports, call.merchant.id, query.email, query.grant, now=call.now
        )
        return merchant_shapes.ActiveOutput(active=active)

    @api.get("/v1/forecast", ForecastQuery)
    def show_forecast(call: Call[ForecastQuery]) -> merchant_shapes.ForecastOutput:
        """Forecast charges from now on, per local day and currency; charges nothing."""
        until = call.input.until(call.zone)
        found = forecast.forecast(ports, call.merchant, until=until, now=call.now)
        return merchant_shapes.forecast(found)

    @api.get("/v1/attention", PageQuery)
    def show_attention(call: Call[PageQuery]) -> Listed[merchant_shapes.MatterOutput]:
        """List subscriptions that are over an hour overdue, or wait for you; `incomplete` where
        there are more subscriptions than are read at once."""
        query = call.input
        found = attention.page(
            ports, call.merchant, limit=query.limit, cursor=query.cursor, now=call.now
        )
        shown = map(merchant_shapes.matter, found.page.data)
        return json_shapes.listed(shown, found.page.next, complete=found.complete)


def _endings(api: Api, ports: Ports) -> None:
    from billing.accounts.web.merchant_inputs import CancelInput, RefundInput
    from billing.cancel.flows import cancel
    from billing.refunds.flows import refund
    from billing.tax.web import routes

    routes.declare_of_orders(api, ports, REFUND_REFUSED)

    @api.post("/v1/orders/<order>/refund", RefundInput, errors=REFUND_REFUSED)
    def refund_order(
        call: Call[RefundInput], order: str
    ) -> json_shapes.RefundOutput | Later[json_shapes.RefundUnderWayOutput]:
        """Refund a payment, wholly or in part; returns the entry of kind refund.

        It first takes back the credit that the payment's own period gave.

        202 says that it is recorded and is finished without being asked for again. The same
        Idempotency-Key is the same refund, for ever.
        """
        given = refund.request(
            ports,
            refund.payment(ports, call.merchant.id, order),
            amount_minor=call.input.amount,
            source=Source.MERCHANT,
            reason=call.input.reason,
            name=call.named,
            now=call.now,
        )
        if isinstance(given, refund.UnderWay):
            return Later(json_shapes.refund_under_way(given.entry))
        return json_shapes.refund(given)

    @api.post("/v1/subscriptions/<subscription>/cancel", CancelInput, status=200)
    def cancel_subscription(
        call: Call[CancelInput], subscription: str
    ) -> subscription_shapes.EndingOutput:
        """Cancel now or with the period; `charge_under_way` says that a charge comes first."""
        ending = cancel.request(
            ports,
            subscriptions.fresh(ports, call.merchant.id, subscription),
            when=call.input.when,
            source=Source.MERCHANT,
            reason=call.input.reason,
            comment=call.input.comment,
            now=call.now,
        )
        return subscription_shapes.ending(ending)


def _actions(api: Api, ports: Ports) -> None:
    from billing.plans.web import action_routes

    action_routes.declare(api, ports)


Declare = Callable[[Api, Ports], None]


@cache
def _of(room: str, declare: str = "declare") -> Declare:
    """Returns a room's own declarer of routes, which is loaded when it is first called."""

    def declared(api: Api, ports: Ports) -> None:
        getattr(import_module(f"billing.{room}.web.routes"), declare)(api, ports)

    return declared


def _lists(api: Api, ports: Ports) -> None:
    from billing.customers.web import list_routes
    from billing.event_log.flows import read

    list_routes.declare(api, ports, partial(read.changed, ports))


def _team(api: Api, ports: Ports) -> None:
    from billing.accounts.web import team_routes

    team_routes.declare(api, ports)


PARTS: dict[str, tuple[Declare, ...]] = {
    **dict.fromkeys(("preview", "products"), (_catalog,)),
    "price-points": (_catalog, _of("plans", "declare_for_all")),
    "orders": (_sales, _endings),
    "subscriptions": (
        _sales,
        _endings,
        _actions,
        _lists,
        _of("plans"),
        _of("tax", "declare_of_subscriptions"),
        _of("coupons", "declare_uses"),
        _of("privacy", "declare_consents"),
    ),
    "customers": (_customers, _lists),
    "invoices": (_lists,),
    "portal-links": (_of("customers"),),
    **dict.fromkeys(("access", "forecast", "attention"), (_customers,)),
    **dict.fromkeys(
        ("settings", "accounts", "keys", "console-links", "gateway-accounts", "arm"),
        (_of("accounts"),),
    ),
    **dict.fromkeys(("team", "audit", "audit.csv"), (_team,)),
    **dict.fromkeys(("tickets", "inbound-mail"), (_of("helpdesk"),)),
    "declarations": (_of("declarations"),),
    "events": (_of("event_log"),),
    **dict.fromkeys(("webhook-endpoints", "deliveries"), (_of("webhooks"),)),
    **dict.fromkeys(("figures", "figures.csv"), (_of("figures"),)),
    "tax": (_of("tax"),),
    **dict.fromkeys(("coupons", "coupons.csv"), (_of("coupons"),)),
    "exports": (_of("migration"),),
    **dict.fromkeys(("imports", "uploads"), (_of("migration", "declare_imports"),)),
}
"""The declarers of routes, by the part of their paths after `/v1/`."""


def _all() -> Iterable[Declare]:
    return dict.fromkeys(declare for part in PARTS.values() for declare in part)


def _part(event: Mapping[str, Any]) -> str | None:
    """Returns the part of the API that a request is about; None where that is not known."""
    _, _, rest = str(event.get("rawPath")).partition("/v1/")
    part = rest.partition("/")[0]
    return part if part in PARTS else None


app = cache(lambda part=None: build(wiring.ports(), part))


@telemetry.observed
@http.guard
def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Handles API Gateway's events for /v1."""
    return app(_part(event)).resolve(event, context)
