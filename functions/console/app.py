"""The merchant's pages: the console, its sign-in, and the agents' queue of tickets."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from billing.accounts.web import console_session
from billing.console.web import endings as console_endings
from billing.console.web import pages as console_pages
from billing.console.web import tickets as console_tickets
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


def build(ports: Ports) -> http.Resolver:
    """Builds the routes of this function over the given ports."""
    console = Console(ports)
    _transactions(console)
    _endings(console)
    _tickets(console)
    _doors(console)
    return console.app


def _transactions(console: Console) -> None:
    app = console.app

    @app.get("/console")
    def transaction_list() -> http.Answer:
        return console_pages.transaction_list(console.looks())

    @app.get("/console/customers/<customer>")
    def customer_page(customer: str) -> http.Answer:
        return console_pages.customer_page(console.looks(), plain_id(customer))

    @app.post("/console/customers/<customer>/resume-mail")
    def mail_resumed(customer: str) -> http.Answer:
        return console_pages.resume_mail(console.sends(), plain_id(customer))


def _endings(console: Console) -> None:
    app = console.app

    @app.get("/console/subscriptions/<subscription>/cancel")
    def cancel_page(subscription: str) -> http.Answer:
        return console_endings.cancel_page(console.looks(), plain_id(subscription))

    @app.post("/console/subscriptions/<subscription>/cancel")
    def cancelled(subscription: str) -> http.Answer:
        return console_endings.cancel_subscription(console.sends(), plain_id(subscription))

    @app.post("/console/subscriptions/<subscription>/undo-cancel")
    def undone(subscription: str) -> http.Answer:
        return console_endings.undo_cancellation(console.sends(), plain_id(subscription))

    @app.get("/console/orders/<order>/refund")
    def refund_page(order: str) -> http.Answer:
        return console_endings.refund_page(console.looks(), plain_id(order))

    @app.post("/console/orders/<order>/refund")
    def refunded(order: str) -> http.Answer:
        return console_endings.refund_order(console.sends(), plain_id(order))


def _tickets(console: Console) -> None:
    app = console.app

    @app.get("/console/tickets")
    def queue() -> http.Answer:
        return console_tickets.queue_page(console.looks())

    @app.get("/console/tickets/<ticket>")
    def ticket_page(ticket: str) -> http.Answer:
        return console_tickets.ticket_page(console.looks(), plain_id(ticket))

    @app.post("/console/tickets/<ticket>/reply")
    def reply(ticket: str) -> http.Answer:
        return console_tickets.reply(console.sends(), plain_id(ticket))

    @app.post("/console/tickets/<ticket>/approve")
    def approve(ticket: str) -> http.Answer:
        return console_tickets.approve(console.sends(), plain_id(ticket))

    @app.post("/console/tickets/<ticket>/reassign")
    def reassign(ticket: str) -> http.Answer:
        return console_tickets.reassign(console.sends(), plain_id(ticket))


def _doors(console: Console) -> None:
    app, ports = console.app, console.ports

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


app = cache(lambda: build(wiring.ports()))


@telemetry.observed
@http.guard
def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Handles API Gateway's events for /console."""
    return app().resolve(event, context)
