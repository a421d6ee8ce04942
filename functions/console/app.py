"""The merchant's pages: the console, its sign-in, and the agents' queue of tickets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from billing.accounts.web import console_session
from billing.console.web import pages as console_pages
from billing.console.web.pages import Desk
from billing.kernel.ports import Ports
from billing.runtime import telemetry, wiring
from billing.web import custom_domains, http
from billing.web.request import Request, plain_id


class Console:
    """The resolver of console pages, with its ports."""

    def __init__(self, ports: Ports) -> None:
        self.ports = ports

        def fail(error: Exception, request: Request) -> http.Answer:
            return console_pages.failure(ports, error, request, ports.clock())

        self.app = http.resolver(custom_domains.placed(ports), fail)

    def looks(self) -> Desk:
        """Returns the desk of a page's signed-in visitor."""
        request, now = Request.of(self.app.current_event), self.ports.clock()
        return Desk(self.ports, console_session.required(self.ports, request, now), request, now)

    def sends(self) -> Desk:
        """Returns the desk of a form's signed-in sender."""
        request, now = Request.of(self.app.current_event), self.ports.clock()
        return Desk(
            self.ports, console_session.required_for_change(self.ports, request, now), request, now
        )


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


def _products(console: Console) -> None:
    from billing.console.web import product_routes

    product_routes.declare(console.app, console.looks, console.sends)


def _transactions(console: Console) -> None:
    from billing.console.web import transactions

    @console.app.get("/console/transactions")
    def transaction_list() -> http.Answer:
        return transactions.transaction_list(console.looks())


def _customers(console: Console) -> None:
    from billing.console.web import customer_routes

    customer_routes.declare(console.app, console.looks, console.sends)


def _subscriptions(console: Console) -> None:
    from billing.console.web import endings, lists, subscriptions

    app = console.app

    @app.get("/console/subscriptions")
    def subscription_list() -> http.Answer:
        return lists.subscription_rows(console.looks())

    @app.get("/console/subscriptions/<subscription>")
    def subscription_page(subscription: str) -> http.Answer:
        return subscriptions.subscription_page(console.looks(), plain_id(subscription))

    @app.get("/console/subscriptions/<subscription>/cancel")
    def cancel_page(subscription: str) -> http.Answer:
        return endings.cancel_page(console.looks(), plain_id(subscription))

    @app.post("/console/subscriptions/<subscription>/cancel")
    def cancelled(subscription: str) -> http.Answer:
        return endings.cancel_subscription(console.sends(), plain_id(subscription))

    @app.get("/console/subscriptions/<subscription>/do/<action>")
    def action_page(subscription: str, action: str) -> http.Answer:
        return subscriptions.action_page(console.looks(), plain_id(subscription), action)

    @app.post("/console/subscriptions/<subscription>/do/<action>")
    def act(subscription: str, action: str) -> http.Answer:
        return subscriptions.act(console.sends(), plain_id(subscription), action)

    @app.post("/console/subscriptions/<subscription>/undo-cancel")
    def undone(subscription: str) -> http.Answer:
        return endings.undo_cancellation(console.sends(), plain_id(subscription))


def _orders(console: Console) -> None:
    from billing.console.web import endings, orders

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


def _invoices(console: Console) -> None:
    from billing.console.web import lists

    app = console.app

    @app.get("/console/invoices")
    def invoice_list() -> http.Answer:
        return lists.invoice_rows(console.looks())

    @app.get("/console/invoices/<invoice>/pdf")
    def invoice_pdf(invoice: str) -> http.Answer:
        return lists.invoice_pdf(console.looks(), plain_id(invoice))


def _attention(console: Console) -> None:
    from billing.console.web import lists

    @console.app.get("/console/attention")
    def attention_list() -> http.Answer:
        return lists.attention_list(console.looks())


def _tickets(console: Console) -> None:
    from billing.console.web import tickets

    app = console.app

    @app.get("/console/tickets")
    def queue() -> http.Answer:
        return tickets.queue_page(console.looks())

    @app.get("/console/tickets/<ticket>")
    def ticket_page(ticket: str) -> http.Answer:
        return tickets.ticket_page(console.looks(), plain_id(ticket))

    @app.post("/console/tickets/<ticket>/reply")
    def reply(ticket: str) -> http.Answer:
        return tickets.reply(console.sends(), plain_id(ticket))

    @app.post("/console/tickets/<ticket>/approve")
    def approve(ticket: str) -> http.Answer:
        return tickets.approve(console.sends(), plain_id(ticket))

    @app.post("/console/tickets/<ticket>/reassign")
    def reassign(ticket: str) -> http.Answer:
        return tickets.reassign(console.sends(), plain_id(ticket))


def _taxes(console: Console) -> None:
    from billing.console.web import tax_routes

    tax_routes.declare(console.app, console.looks, console.sends)


def _figures(console: Console) -> None:
    from billing.console.web import figure_routes

    figure_routes.declare(console.app, console.looks, console.sends)


def _settings(console: Console) -> None:
    from billing.console.web import settings

    @console.app.get("/console/settings")
    def settings_page() -> http.Answer:
        return settings.settings_page(console.looks())

    @console.app.post("/console/settings")
    def change_settings() -> http.Answer:
        return settings.change(console.sends())


def _keys(console: Console) -> None:
    from billing.console.web import key_routes

    key_routes.declare(console.app, console.looks, console.sends)


def _doors(console: Console) -> None:
    from billing.accounts.web import link_pages

    app, ports = console.app, console.ports

    @app.get("/console/sign-in")
    def sign_in_form() -> http.Answer:
        return link_pages.sign_in_page(ports)

    @app.post("/console/sign-in/link")
    def ask_for_link() -> http.Answer:
        request = Request.of(app.current_event)
        return link_pages.ask_for_link(ports, request, now=ports.clock())

    @app.get("/console/sign-in/mailed/<token>")
    def offer_mailed_sign_in(token: str) -> http.Answer:
        return link_pages.offer_sign_in(ports, token, now=ports.clock())

    @app.post("/console/sign-in/mailed/<token>")
    def sign_in_by_mail(token: str) -> http.Answer:
        request = Request.of(app.current_event)
        return link_pages.sign_in(ports, request, token, now=ports.clock())

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

PARTS: dict[str, tuple[Declare, ...]] = {
    **dict.fromkeys(("", "portal"), (_home,)),
    "search": (_search,),
    "products": (_products,),
    "customers": (_customers,),
    "subscriptions": (_subscriptions,),
    "transactions": (_transactions,),
    "orders": (_orders,),
    "invoices": (_invoices,),
    "attention": (_attention,),
    "tickets": (_tickets,),
    "tax": (_taxes,),
    "figures": (_figures,),
    "settings": (_settings,),
    "keys": (_keys,),
    **dict.fromkeys(("sign-in", "sign-out"), (_doors,)),
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
