"""The routes of the console's webhooks."""

from __future__ import annotations

from collections.abc import Callable

from billing.console.web import webhooks
from billing.console.web.pages import Desk
from billing.web import http
from billing.web.request import plain_id
from billing.web.router import Router

At = Callable[[], Desk]


def declare(app: Router, looks: At, sends: At) -> None:
    """Declares them; `looks` is the desk of a page, `sends` that of a form."""

    @app.get("/console/webhooks")
    def endpoint_list() -> http.Answer:
        return webhooks.endpoint_list(looks())

    @app.post("/console/webhooks")
    def make_endpoint() -> http.Answer:
        return webhooks.make(sends())

    @app.get("/console/webhooks/<endpoint>")
    def endpoint_page(endpoint: str) -> http.Answer:
        return webhooks.endpoint_page(looks(), plain_id(endpoint))

    @app.get("/console/webhooks/<endpoint>/<act>")
    def act_page(endpoint: str, act: str) -> http.Answer:
        return webhooks.act_page(looks(), plain_id(endpoint), act)

    @app.post("/console/webhooks/<endpoint>/<act>")
    def act(endpoint: str, act: str) -> http.Answer:
        return webhooks.act(sends(), plain_id(endpoint), act)
