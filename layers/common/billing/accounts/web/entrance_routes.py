"""The routes of the second step at sign-in, and of an invitation's link."""

from __future__ import annotations

from billing.accounts.web import entrance, join_pages
from billing.kernel.ports import Ports
from billing.web import http
from billing.web.request import Request
from billing.web.router import Router


def declare(app: Router, ports: Ports) -> None:
    """Declares them."""

    @app.get("/console/sign-in/code")
    def code_page() -> http.Answer:
        return entrance.code_page(ports, Request.of(app.current_event), ports.clock())

    @app.post("/console/sign-in/code")
    def take_code() -> http.Answer:
        return entrance.take_code(ports, Request.of(app.current_event), ports.clock())

    @app.get("/console/join/<token>")
    def offer_to_join(token: str) -> http.Answer:
        return join_pages.offer(ports, token, now=ports.clock())

    @app.post("/console/join/<token>")
    def join(token: str) -> http.Answer:
        return join_pages.join(ports, Request.of(app.current_event), token, now=ports.clock())
