"""The routes of missed notices in the console."""

from __future__ import annotations

from collections.abc import Callable

from billing.console.web import notices
from billing.console.web.pages import Desk
from billing.web import http
from billing.web.request import plain_id
from billing.web.router import Router

At = Callable[[], Desk]


def declare(app: Router, looks: At, sends: At) -> None:
    """Declares them; `looks` is the desk of a page, `sends` that of a form."""

    @app.get("/console/notices")
    def missed_list() -> http.Answer:
        return notices.missed_list(looks())

    @app.post("/console/notices/<missed>/seen")
    def see(missed: str) -> http.Answer:
        return notices.see(sends(), plain_id(missed))


def declare_of_subscriptions(app: Router, looks: At, sends: At) -> None:
    """Declares the routes of a subscription's notices."""

    @app.get("/console/subscriptions/<subscription>/notices")
    def sent_list(subscription: str) -> http.Answer:
        return notices.sent_list(looks(), plain_id(subscription))
