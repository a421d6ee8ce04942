"""The merchant's pages: the console, its sign-in, and the agents' queue of tickets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib import import_module
from typing import Any

from billing.accounts.web import console_session
from billing.console.web.desks import Console
from billing.kernel.ports import Ports
from billing.runtime import telemetry, wiring
from billing.web import http
from billing.web.request import Request, plain_id


def build(ports: Ports, part: str | None = None) -> http.Resolver:
    """Builds the routes of this function over the given ports.

    With a part of `PARTS`, only those of `/console/<part>`, and a cold start loads the modules of
    no others.
    """
    console = Console(ports)
    for declare in PARTS[part] if part is not None else _all():
        declare(console)
    return console.app


def _home(console: Console) -> None:
    from billing.console.web import home

    app = console.app

    @app.get("/console")
    def home_page() -> http.Answer:
        return home.home_page(console.looks())

    @app.post("/console/portal")
    def turn_portal_on() -> http.Answer:
        return home.turn_portal_on(console.sends())


def _search(console: Console) -> None:
    from billing.console.web import search

    @console.app.get("/console/search")
    def search_page() -> http.Answer:
        return search.results(console.looks())


def _transactions(console: Console) -> None:
    from billing.console.web import transactions

    @console.app.get("/console/transactions")
    def transaction_list() -> http.Answer:
        return transactions.transaction_list(console.looks())


def _orders(console: Console) -> None:
    from billing.console.web import endings, orders, tax_refunds

    app = console.app

    @app.get("/console/orders/<order>")
    def order_page(order: str) -> http.Answer:
        return orders.order_page(console.looks(), plain_id(order))

    @app.get("/console/orders/<order>/refund")
    def refund_page(order: str) -> http.Answer:
        return endings.refund_page(console.looks(), plain_id(order))

    @app.post("/console/orders/<order>/refund")
    def refunded(order: str) -> http.Answer:
        return endings.refund_order(console.sends(), plain_id(order))

    @app.get("/console/orders/<order>/refund-tax")
    def tax_refund_page(order: str) -> http.Answer:
        return tax_refunds.tax_refund_page(console.looks(), plain_id(order))

    @app.post("/console/orders/<order>/refund-tax")
    def refund_tax(order: str) -> http.Answer:
        return tax_refunds.refund_tax(console.sends(), plain_id(order))


def _invoices(console: Console) -> None:
    from billing.console.web import lists

    app = console.app

    @app.get("/console/invoices")
    def invoice_list() -> http.Answer:
        return lists.invoice_rows(console.looks())

    @app.get("/console/invoices/<invoice>/pdf")
    def invoice_pdf(invoice: str) -> http.Answer:
        return lists.invoice_pdf(console.looks(), plain_id(invoice))

    @app.get("/console/invoices/<invoice>/xml")
    def invoice_xml(invoice: str) -> http.Answer:
        return lists.invoice_xml(console.looks(), plain_id(invoice))


def _attention(console: Console) -> None:
    from billing.console.web import lists

    @console.app.get("/console/attention")
    def attention_list() -> http.Answer:
        return lists.attention_list(console.looks())


def _csv(console: Console) -> None:
    from billing.console.web import csv_lists

    @console.app.get("/console/csv/<what>")
    def csv_file(what: str) -> http.Answer:
        return csv_lists.csv_file(console.looks(), what)


def _forecast(console: Console) -> None:
    from billing.console.web import coming

    @console.app.get("/console/forecast")
    def forecast_page() -> http.Answer:
        return coming.forecast_page(console.looks())


def _entrance(console: Console) -> None:
    from billing.accounts.web import entrance_routes

    entrance_routes.declare(console.app, console.ports)


def _doors(console: Console) -> None:
    from billing.accounts.web import link_pages

    app, ports = console.app, console.ports

    @app.get("/console/sign-in")
    def sign_in_form() -> http.Answer:
        return link_pages.sign_in_page(ports)

    @app.post("/console/sign-in/link")
    def ask_for_link() -> http.Answer:
        return link_pages.ask_for_link(ports, Request.of(app.current_event), now=ports.clock())

    @app.get("/console/sign-in/mailed/<token>")
    def offer_mailed_sign_in(token: str) -> http.Answer:
        return link_pages.offer_sign_in(ports, token, now=ports.clock())

    @app.post("/console/sign-in/mailed/<token>")
    def sign_in_by_mail(token: str) -> http.Answer:
        return link_pages.sign_in(ports, Request.of(app.current_event), token, now=ports.clock())

    @app.get("/console/sign-in/<token>")
    def offer_sign_in(token: str) -> http.Answer:
        console_session.link_is_good(ports, token, ports.clock())
        return http.page("console/sign_in.html")

    @app.post("/console/sign-in/<token>")
    def sign_in(token: str) -> http.Answer:
        cookie = console_session.sign_in(ports, Request.of(app.current_event), token, ports.clock())
        return http.redirect("/console", cookies=[cookie])

    @app.post("/console/sign-out")
    def sign_out() -> http.Answer:
        desk = console.sends()
        cookie = console_session.sign_out(ports, desk.request, desk.session, desk.now)
        return http.page("console/signed_out.html", cookies=[cookie])


Declare = Callable[[Console], None]


def _export(console: Console) -> None:
    from billing.console.web import exports

    app = console.app

    @app.get("/console/export")
    def export_list() -> http.Answer:
        return exports.export_list(console.looks())

    @app.post("/console/export")
    def ask_for_export() -> http.Answer:
        return exports.ask(console.sends())


@cache
def _of(routes: str, declare: str = "declare") -> Declare:
    """Returns a declarer of routes among the console's, which is loaded when it is first called."""

    def declared(console: Console) -> None:
        module = import_module(f"billing.console.web.{routes}")
        getattr(module, declare)(console.app, console.looks, console.sends)

    return declared


PARTS: dict[str, tuple[Declare, ...]] = {
    **dict.fromkeys(("", "portal"), (_home,)),
    "search": (_search,),
    "products": (_of("product_routes"),),
    "customers": (_of("customer_routes"),),
    "subscriptions": (_of("subscription_routes"), _of("coupon_routes", "declare_of_subscriptions")),
    "coupons": (_of("coupon_routes"),),
    "transactions": (_transactions,),
    "orders": (_orders,),
    "invoices": (_invoices,),
    "attention": (_attention,),
    "forecast": (_forecast,),
    "csv": (_csv,),
    "tickets": (_of("ticket_routes"),),
    "tax": (_of("tax_routes"),),
    "branding": (_of("branding_routes"),),
    "mails": (_of("mail_routes"),),
    "declarations": (_of("declaration_routes"),),
    "figures": (_of("figure_routes"),),
    "settings": (_of("settings_routes"),),
    "keys": (_of("key_routes"),),
    "webhooks": (_of("webhook_routes"),),
    "export": (_export,),
    "import": (_of("import_routes"),),
    **dict.fromkeys(("team", "you", "audit", "audit.csv"), (_of("team_routes"),)),
    **dict.fromkeys(("sign-in", "sign-out"), (_doors, _entrance)),
    "join": (_entrance,),
}
"""The declarers of routes, by the part of their paths after `/console/`."""


def _all() -> Iterable[Declare]:
    return dict.fromkeys(declare for part in PARTS.values() for declare in part)


def _part(event: Mapping[str, Any]) -> str | None:
    """Returns the part of the console that a request is about; None where that is not known."""
    _, _, rest = str(event.get("rawPath")).partition("/console")
    part = rest.strip("/").partition("/")[0]
    return part if part in PARTS else None


app = cache(lambda part=None: build(wiring.ports(), part))


@telemetry.observed
@http.guard
def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Handles API Gateway's events for /console."""
    return app(_part(event)).resolve(event, context)
