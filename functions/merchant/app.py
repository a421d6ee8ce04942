"""The merchant's side for programs: the JSON API under /v1."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from billing.errors import NotFound
from billing.flows import (
    account_life,
    attention,
    cancel,
    change_plan,
    customers,
    forecast,
    freeze,
    gateway_accounts,
    keys,
    overdue,
    pause,
    products,
    refund,
    settings,
    subscriptions,
    transactions,
)
from billing.flows.transactions import Filter
from billing.ports import Ports
from billing.runtime import telemetry, wiring
from billing.subscription import Source, Subscription
from billing.web import (
    customer_shapes,
    gateway_shapes,
    http,
    json_shapes,
    merchant_shapes,
    openapi,
    plan_shapes,
    session,
    tickets_api,
)
from billing.web.api import Api, Call, Later
from billing.web.inputs import Nothing, under
from billing.web.json_shapes import Listed, OrderOutput, PricePointOutput, ProductOutput
from billing.web.merchant_inputs import (
    AccessQuery,
    AccountQuery,
    CancelInput,
    CustomerChangeInput,
    CustomersQuery,
    ForecastQuery,
    NewKeyInput,
    NewProductInput,
    OrdersQuery,
    PageQuery,
    PreviewInput,
    ProductChangeInput,
    RefundInput,
    SettingsChangeInput,
)
from billing.web.price_inputs import PricePointInput
from billing.web.request import Request

Act = Callable[..., Subscription]
"""What is done to a subscription by its id, and answers it as it stands then."""


def build(ports: Ports) -> http.Resolver:
    """The routes of this function over a world."""
    app = http.resolver()
    api = Api(app, ports)
    _catalog(api, ports)
    _sales(api, ports)
    _endings(api, ports)
    _plans(api, ports)
    _thaws(api, ports)
    _account(api, ports)
    _gateways(api, ports)
    tickets_api.declare(api, ports)

    @app.get("/v1/openapi.json")
    def document() -> http.Answer:
        base_url = Request.of(app.current_event).base_url
        return http.json(openapi.document(api.routes, base_url))

    return app


def _catalog(api: Api, ports: Ports) -> None:
    @api.post("/v1/preview", PreviewInput, status=200, scope="read")
    def preview(call: Call[PreviewInput]) -> merchant_shapes.PreviewOutput:
        """What a price point would charge, and when; no product is needed (P-19)."""
        with under("price_point"):
            terms = call.input.price_point.terms()
        return merchant_shapes.preview(terms, call.input.anchor(), call.input.count)

    @api.post("/v1/products", NewProductInput)
    def create_product(call: Call[NewProductInput]) -> ProductOutput:
        """Set up a product with its price points; the first is the default."""
        made = products.create(ports, call.merchant, call.input.draft(), now=call.now)
        return json_shapes.product(*made, call.base_url)

    @api.get("/v1/products", PageQuery)
    def list_products(call: Call[PageQuery]) -> Listed[ProductOutput]:
        """All products, newest first."""
        page = products.page(ports, call.merchant, limit=call.input.limit, cursor=call.input.cursor)
        shown = (json_shapes.product(*offered, call.base_url) for offered in page.data)
        return json_shapes.listed(shown, page.next)

    @api.get("/v1/products/<product>")
    def show_product(call: Call[Nothing], product: str) -> ProductOutput:
        """One product."""
        return json_shapes.product(*products.one(ports, call.merchant, product), call.base_url)

    @api.patch("/v1/products/<product>", ProductChangeInput)
    def change_product(call: Call[ProductChangeInput], product: str) -> ProductOutput:
        """Change name, listing, refund days, or which price point is the default."""
        changed = products.change(ports, call.merchant, product, call.input.given())
        return json_shapes.product(*changed, call.base_url)

    @api.post("/v1/products/<product>/price-points", PricePointInput)
    def add_price_point(call: Call[PricePointInput], product: str) -> PricePointOutput:
        """Add a price point to a product."""
        terms = call.input.terms()
        offered, point = products.add_price_point(
            ports, call.merchant, product, terms, now=call.now
        )
        return json_shapes.price_point(point, offered, call.base_url)

    @api.delete("/v1/products/<product>/price-points/<price_point>")
    def remove_price_point(call: Call[Nothing], product: str, price_point: str) -> ProductOutput:
        """Sell no more at a price point; the default moves on, what was sold stays as it is."""
        left = products.remove_price_point(ports, call.merchant, product, price_point)
        return json_shapes.product(*left, call.base_url)


def _sales(api: Api, ports: Ports) -> None:
    @api.get("/v1/orders", OrdersQuery)
    def list_orders(call: Call[OrdersQuery]) -> Listed[OrderOutput]:
        """The transaction list, newest first."""
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
        """One entry of the transaction list."""
        return json_shapes.order(transactions.one(ports, call.merchant.id, order))

    @api.get("/v1/subscriptions/<subscription>")
    def show_subscription(call: Call[Nothing], subscription: str) -> json_shapes.SubscriptionOutput:
        """One subscription."""
        found = subscriptions.fresh(ports, call.merchant.id, subscription)
        return json_shapes.subscription(found.as_of(call.now))

    @api.get("/v1/customers", CustomersQuery)
    def find_customers(call: Call[CustomersQuery]) -> Listed[customer_shapes.CustomerOutput]:
        """The customer that an email belongs to, or an empty list."""
        found = customers.by_email(ports, call.merchant.id, call.input.email)
        return json_shapes.listed(map(customer_shapes.customer, found))

    @api.get("/v1/customers/<customer>")
    def show_customer(call: Call[Nothing], customer: str) -> customer_shapes.OverviewOutput:
        """One customer with access, subscriptions, orders, invoices and payment methods."""
        found = customers.overview(ports, call.merchant.id, customer, now=call.now)
        return customer_shapes.overview(found)

    @api.patch("/v1/customers/<customer>", CustomerChangeInput)
    def change_customer(
        call: Call[CustomerChangeInput], customer: str
    ) -> customer_shapes.CustomerOutput:
        """Change email, name or address; what was bought and billed keeps its own."""
        merchant = call.merchant.id
        changed = customers.change(ports, merchant, customer, call.input.changes())
        return customer_shapes.customer(changed)

    @api.get("/v1/access", AccessQuery)
    def show_access(call: Call[AccessQuery]) -> merchant_shapes.ActiveOutput:
        """Whether whoever has this email may use a grant now."""
        query = call.input
        active = customers.has_access(
            ports, call.merchant.id, query.email, query.grant, now=call.now
        )
        return {"active": active}

    @api.get("/v1/forecast", ForecastQuery)
    def show_forecast(call: Call[ForecastQuery]) -> merchant_shapes.ForecastOutput:
        """What would be charged from now on, per local day and currency; charges nothing."""
        until = call.input.until(call.zone)
        found = forecast.forecast(ports, call.merchant, until=until, now=call.now)
        return merchant_shapes.forecast(found)

    @api.get("/v1/attention", PageQuery)
    def show_attention(call: Call[PageQuery]) -> Listed[merchant_shapes.MatterOutput]:
        """Subscriptions that need a look: alarms over an hour past, payments that wait for you."""
        query = call.input
        page = attention.page(
            ports, call.merchant, limit=query.limit, cursor=query.cursor, now=call.now
        )
        return json_shapes.listed(map(merchant_shapes.matter, page.data), page.next)


def _endings(api: Api, ports: Ports) -> None:
    @api.post("/v1/orders/<order>/refund", RefundInput)
    def refund_order(call: Call[RefundInput], order: str) -> OrderOutput:
        """Give a payment back, wholly or in part; answers the entry of kind refund."""
        entry = refund.request(
            ports,
            call.merchant.id,
            order,
            amount_minor=call.input.amount,
            source=Source.MERCHANT,
            reason=call.input.reason,
            name=call.named,
            now=call.now,
        )
        return json_shapes.order(entry)

    @api.post("/v1/subscriptions/<subscription>/cancel", CancelInput, status=200)
    def cancel_subscription(call: Call[CancelInput], subscription: str) -> json_shapes.EndingOutput:
        """End it now or with the period; `charge_under_way` says that a charge comes first."""
        ending = cancel.request(
            ports,
            call.merchant.id,
            subscription,
            when=call.input.when,
            source=Source.MERCHANT,
            reason=call.input.reason,
            comment=call.input.comment,
            now=call.now,
        )
        return json_shapes.ending(ending)

    def _act(verb: str, flow: Act, saying: str) -> None:
        def act(call: Call[Nothing], subscription: str) -> json_shapes.SubscriptionOutput:
            changed = flow(ports, call.merchant.id, subscription, now=call.now)
            return json_shapes.subscription(changed)

        act.__name__ = f"{verb.replace('-', '_')}_subscription"
        act.__doc__ = saying
        api.post(f"/v1/subscriptions/<subscription>/{verb}", status=200)(act)

    _act("undo-cancel", cancel.undo, "Take back a cancellation that waits for the period's end.")
    _act("pause", pause.pause, "Charge nothing from now on; access to the end of the period.")
    _act("resume", pause.resume, "Go on: on schedule, or with a payment at once.")
    _act("freeze", freeze.freeze, "Charge only the freeze's price from the next period on (A-5).")
    _act("retry", overdue.charge, "Charge at once what is past due, or waits for a decision.")
    _act("skip", overdue.skip, "Leave out the payment that waits for a decision.")


def _plans(api: Api, ports: Ports) -> None:
    @api.post(
        "/v1/subscriptions/<subscription>/change-plan/quote",
        plan_shapes.QuoteInput,
        status=200,
        scope="read",
    )
    def quote_plan(
        call: Call[plan_shapes.QuoteInput], subscription: str
    ) -> plan_shapes.QuoteOutput:
        """What another plan charges now and next; changes nothing (A-4)."""
        quoted = change_plan.quote(
            ports,
            call.merchant.id,
            subscription,
            call.input.price_point,
            call.input.when,
            now=call.now,
        )
        return plan_shapes.quote(quoted, call.merchant.settings.language)

    @api.post(
        "/v1/subscriptions/<subscription>/change-plan", plan_shapes.ChangePlanInput, status=200
    )
    def change_subscription_plan(
        call: Call[plan_shapes.ChangePlanInput], subscription: str
    ) -> json_shapes.SubscriptionOutput | Later[plan_shapes.PendingOutput]:
        """Change the plan, for the amount that the token's quote says, if there is one."""
        changed = change_plan.change(
            ports,
            call.merchant.id,
            subscription,
            call.input.price_point,
            call.input.when,
            token=call.input.token,
            now=call.now,
        )
        return plan_shapes.changed(changed, call.base_url)


def _thaws(api: Api, ports: Ports) -> None:
    @api.post("/v1/subscriptions/<subscription>/unfreeze/quote", status=200, scope="read")
    def quote_unfreezing(call: Call[Nothing], subscription: str) -> plan_shapes.QuoteOutput:
        """What unfreezing charges now and next; changes nothing (A-5)."""
        quoted = freeze.quote(ports, call.merchant.id, subscription, now=call.now)
        return plan_shapes.quote(quoted, call.merchant.settings.language)

    @api.post("/v1/subscriptions/<subscription>/unfreeze", plan_shapes.UnfreezeInput, status=200)
    def unfreeze_subscription(
        call: Call[plan_shapes.UnfreezeInput], subscription: str
    ) -> json_shapes.SubscriptionOutput | Later[plan_shapes.PendingOutput]:
        """Back on its plan at once, or not frozen at all if that has not begun (A-5)."""
        thawed = freeze.unfreeze(
            ports, call.merchant.id, subscription, token=call.input.token, now=call.now
        )
        return plan_shapes.changed(thawed, call.base_url)


def _account(api: Api, ports: Ports) -> None:
    @api.get("/v1/settings")
    def show_settings(call: Call[Nothing]) -> merchant_shapes.SettingsOutput:
        """Your settings."""
        return merchant_shapes.settings(call.merchant)

    @api.patch("/v1/settings", SettingsChangeInput)
    def change_settings(call: Call[SettingsChangeInput]) -> merchant_shapes.SettingsOutput:
        """Change settings; those not named stay."""
        changed = settings.change(ports, call.merchant, call.input.given())
        return merchant_shapes.settings(changed)

    @api.get("/v1/accounts", AccountQuery)
    def look_up_account(call: Call[AccountQuery]) -> merchant_shapes.AccountOutput:
        """The platform's support: how the account of an old username and email stands, and until
        when buying again with that email restores it (A-7)."""
        if call.merchant.id != ports.operation.platform:
            raise NotFound("There are no accounts here.")
        query = call.input
        found = account_life.restorable(ports, query.username, query.email, now=call.now)
        return merchant_shapes.account(found)

    @api.post("/v1/keys", NewKeyInput, sealed="secret")
    def create_key(call: Call[NewKeyInput]) -> merchant_shapes.KeyOutput:
        """Make an API key; its secret is shown this once."""
        made, secret = keys.create(ports, call.key, call.input.scopes, now=call.now)
        return merchant_shapes.new_key(made, secret)

    @api.get("/v1/keys", PageQuery)
    def list_keys(call: Call[PageQuery]) -> Listed[merchant_shapes.KeyOutput]:
        """All API keys, newest first, revoked ones too."""
        query = call.input
        page = keys.page(ports, call.merchant.id, limit=query.limit, cursor=query.cursor)
        return json_shapes.listed(map(merchant_shapes.key, page.data), page.next)

    @api.delete("/v1/keys/<key>")
    def revoke_key(call: Call[Nothing], key: str) -> merchant_shapes.KeyOutput:
        """Revoke an API key, at once and for good."""
        return merchant_shapes.key(keys.revoke(ports, call.merchant.id, key, now=call.now))

    @api.post("/v1/console-links")
    def create_console_link(call: Call[Nothing]) -> merchant_shapes.LinkOutput:
        """A link that signs in to the console, once, within 15 minutes."""
        url = session.console_link(ports, call.merchant.id, call.base_url, call.now)
        return merchant_shapes.link(url, call.now + session.LINK_LIFE)


def _gateways(api: Api, ports: Ports) -> None:
    here = ports.operation.environment

    @api.get("/v1/gateway-accounts")
    def list_gateway_accounts(call: Call[Nothing]) -> Listed[gateway_shapes.GatewayAccountOutput]:
        """Your accounts at gateways, and what hangs on each."""
        found = gateway_accounts.listed(ports, call.merchant, now=call.now)
        return json_shapes.listed(map(gateway_shapes.account, found), None)

    @api.post("/v1/gateway-accounts/<gateway>/<account>/activate", status=200)
    def activate_gateway_account(
        call: Call[Nothing], gateway: str, account: str
    ) -> gateway_shapes.ArmingOutput:
        """New purchases go to this account; what is at another one stays there."""
        changed = gateway_accounts.activate(ports, call.merchant.id, gateway, account)
        return gateway_shapes.arming(changed, here)

    @api.delete("/v1/gateway-accounts/<gateway>/<account>", gateway_shapes.RemovalQuery)
    def remove_gateway_account(
        call: Call[gateway_shapes.RemovalQuery], gateway: str, account: str
    ) -> gateway_shapes.ArmingOutput:
        """An account less; with something on it only by `force`: its subscriptions then need a new
        card."""
        force = call.input.force == "true"
        left = gateway_accounts.remove(
            ports, call.merchant, gateway, account, force=force, now=call.now
        )
        return gateway_shapes.arming(left, here)

    @api.get("/v1/arm")
    def show_arming(call: Call[Nothing]) -> gateway_shapes.ArmingOutput:
        """Whether charges are made and mails sent here."""
        return gateway_shapes.arming(call.merchant, here)

    @api.post("/v1/arm", status=200)
    def arm_environment(call: Call[Nothing]) -> gateway_shapes.ArmingOutput:
        """Bind your gateway accounts to this environment: charges and mails begin."""
        return gateway_shapes.arming(gateway_accounts.arm(ports, call.merchant.id), here)


app = cache(lambda: build(wiring.ports()))


@telemetry.observed
@http.guard
def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """API Gateway's events for /v1."""
    return app().resolve(event, context)
