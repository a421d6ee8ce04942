"""The routes of the console's tickets."""

from __future__ import annotations

from collections.abc import Callable

from billing.console.web import new_ticket, tickets
from billing.console.web.pages import Desk
from billing.web import http
from billing.web.request import plain_id
from billing.web.router import Router

At = Callable[[], Desk]


def declare(app: Router, looks: At, sends: At) -> None:
    """Declares them; `looks` is the desk of a page, `sends` that of a form."""

    @app.get("/console/tickets/new")
    def new_ticket_page() -> http.Answer:
        return new_ticket.form_page(looks())

    @app.post("/console/tickets/new")
    def open_ticket() -> http.Answer:
        return new_ticket.open_ticket(sends())

    @app.get("/console/tickets")
    def queue() -> http.Answer:
        return tickets.queue_page(looks())

    @app.get("/console/tickets/<ticket>")
    def ticket_page(ticket: str) -> http.Answer:
        return tickets.ticket_page(looks(), plain_id(ticket))

    @app.post("/console/tickets/<ticket>/reply")
    def reply(ticket: str) -> http.Answer:
        return tickets.reply(sends(), plain_id(ticket))

    @app.post("/console/tickets/<ticket>/approve")
    def approve(ticket: str) -> http.Answer:
        return tickets.approve(sends(), plain_id(ticket))

    @app.post("/console/tickets/<ticket>/reassign")
    def reassign(ticket: str) -> http.Answer:
        return tickets.reassign(sends(), plain_id(ticket))
