"""The helpdesk: requests to departments, their threads, and the sweep of their due dates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from billing.branding.flows import dressing
from billing.cancel.regions.rules import Duty
from billing.customers.web import portal_session
from billing.declarations.flows import look
from billing.declarations.web import pages as declaration_pages
from billing.declarations.web import visitor
from billing.declarations.web.visitor import Visitor
from billing.helpdesk.flows import decision
from billing.helpdesk.web import caller, thread_pages
from billing.helpdesk.web import pages as helpdesk_pages
from billing.helpdesk.web.caller import Caller
from billing.kernel.flows import walks
from billing.kernel.ports import Ports
from billing.runtime import deadline, telemetry, wiring
from billing.web import custom_domains, http
from billing.web.request import Request

MILLISECONDS_TO_FINISH = 15_000


class Helpdesk:
    """The resolver of helpdesk pages, with its ports."""

    def __init__(self, ports: Ports) -> None:
        def fail(error: Exception, request: Request) -> http.Answer:
            return portal_session.failure(ports, error, request, helpdesk=True)

        self.app, self.ports = (
            http.resolver(custom_domains.placed(ports), fail, dress=dressing.of_pages(ports)),
            ports,
        )

    def looks(self, merchant: str) -> Caller:
        """Returns the caller of a page."""
        request = Request.of(self.app.current_event)
        return caller.caller(self.ports, request, merchant, now=self.ports.clock())

    def sends(self, merchant: str) -> Caller:
        """Returns the sender of a form."""
        request = Request.of(self.app.current_event)
        return caller.sender(self.ports, request, merchant, now=self.ports.clock())


def build(ports: Ports) -> http.Resolver:
    """Builds the routes of this function over the given ports."""
    helpdesk = Helpdesk(ports)
    _requests(helpdesk)
    _threads(helpdesk)
    _declarations(helpdesk, Duty.CANCELLATION)
    _declarations(helpdesk, Duty.WITHDRAWAL)
    return helpdesk.app


def _requests(helpdesk: Helpdesk) -> None:
    app = helpdesk.app

    @app.get("/helpdesk/<merchant>")
    def front(merchant: str) -> http.Answer:
        return helpdesk_pages.front(helpdesk.looks(merchant))

    @app.get("/helpdesk/<merchant>/seller")
    def seller(merchant: str) -> http.Answer:
        return helpdesk_pages.seller(helpdesk.looks(merchant))

    @app.get("/helpdesk/<merchant>/new/<department>")
    def form(merchant: str, department: str) -> http.Answer:
        return helpdesk_pages.form(helpdesk.looks(merchant), department)

    @app.post("/helpdesk/<merchant>/new/<department>")
    def ask(merchant: str, department: str) -> http.Answer:
        return helpdesk_pages.submit_request(helpdesk.sends(merchant), department)

    @app.get("/helpdesk/<merchant>/confirm/<token>")
    def confirm_page(merchant: str, token: str) -> http.Answer:
        return helpdesk_pages.confirm_page(helpdesk.looks(merchant), token)

    @app.post("/helpdesk/<merchant>/confirm/<token>")
    def confirm(merchant: str, token: str) -> http.Answer:
        return helpdesk_pages.confirm_request(helpdesk.sends(merchant), token)


def _threads(helpdesk: Helpdesk) -> None:
    app = helpdesk.app

    @app.get("/helpdesk/<merchant>/tickets")
    def tickets(merchant: str) -> http.Answer:
        return thread_pages.ticket_list(helpdesk.looks(merchant))

    @app.get("/helpdesk/<merchant>/tickets/<reference>")
    def thread(merchant: str, reference: str) -> http.Answer:
        return thread_pages.ticket_page(helpdesk.looks(merchant), reference)

    @app.post("/helpdesk/<merchant>/tickets/<reference>")
    def reply(merchant: str, reference: str) -> http.Answer:
        return thread_pages.reply(helpdesk.sends(merchant), reference)


def _declarations(helpdesk: Helpdesk, duty: Duty) -> None:
    """Adds the public pages of a duty, which anybody may use (X-10)."""
    app, ports, base = helpdesk.app, helpdesk.ports, f"/{visitor.PAGES[duty]}/<merchant>"

    def looks(merchant: str) -> Visitor:
        request = Request.of(app.current_event)
        return visitor.visitor(ports, request, merchant, duty, ports.clock())

    def sends(merchant: str) -> Visitor:
        request = Request.of(app.current_event)
        return visitor.sender(ports, request, merchant, duty, ports.clock())

    @app.get(base)
    def declare_form(merchant: str) -> http.Answer:
        return declaration_pages.form(looks(merchant))

    @app.post(base)
    def declare(merchant: str) -> http.Answer:
        return declaration_pages.submit(sends(merchant))

    if duty is Duty.WITHDRAWAL:
        return  # the link in a mail is one place for both

    @app.get(f"{base}/answer/<token>")
    def answer_form(merchant: str, token: str) -> http.Answer:
        return declaration_pages.answer_page(looks(merchant), token)

    @app.post(f"{base}/answer/<token>")
    def answer(merchant: str, token: str) -> http.Answer:
        return declaration_pages.take_answer(sends(merchant), token)


app = cache(lambda: build(wiring.ports()))


@telemetry.observed
@http.guard
def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Handles API Gateway's events for the helpdesk's addresses."""
    return app().resolve(event, context)


@telemetry.observed
def sweep(event: Mapping[str, Any], context: Any) -> dict[str, int]:
    """Acts on declarations and tickets whose due date has come at the schedule's own time.

    A replayed event does nothing twice.
    """
    ports, now = wiring.ports(), datetime.fromisoformat(event["time"])
    half = deadline.has_time(context, to_finish=MILLISECONDS_TO_FINISH, share=0.5)
    whole = deadline.has_time(context, to_finish=MILLISECONDS_TO_FINISH)

    def declarations() -> Counter[str]:
        found = look.sweep(ports, now=now, keep_going=half)
        telemetry.tally(found, "declaration_")
        return Counter({f"declaration_{what}": count for what, count in found.items()})

    def tickets() -> Counter[str]:
        found = decision.sweep(ports, now=now, keep_going=whole)
        telemetry.tally(found, "ticket_")
        return found

    return dict(walks.each_of(declarations, tickets))
