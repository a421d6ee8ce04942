"""The hosted checkout: offer, submit, return from 3-D Secure; the directory; the sandbox's bank."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from billing.branding.flows import dressing
from billing.catalog.flows.directory import Directory
from billing.checkout.web import offer_page, shapes
from billing.checkout.web.directory_page import directory_page
from billing.checkout.web.front_page import front_page
from billing.gateways.sandbox import bank_page
from billing.kernel.ports import Ports
from billing.runtime import telemetry, wiring
from billing.web import custom_domains, http
from billing.web.request import Request, plain_id


def build(ports: Ports) -> http.Resolver:
    """Builds the routes of this function over the given ports."""

    def fail(error: Exception, request: Request) -> http.Answer:
        return offer_page.failure(ports, error, request)

    app = http.resolver(custom_domains.placed(ports), fail, dress=dressing.of_pages(ports))

    @app.get("/health")
    def health() -> http.Answer:
        return http.json({"status": "ok"})

    @app.get("/checkout/<price_point>")
    def offer(price_point: str) -> http.Answer:
        request = Request.of(app.current_event)
        return offer_page.offer_page(ports, request, plain_id(price_point), now=ports.clock())

    @app.post("/checkout/<price_point>")
    def submit(price_point: str) -> http.Answer:
        from billing.checkout.web import pages  # most who open a checkout only look

        request = Request.of(app.current_event)
        return pages.submit_checkout(ports, request, plain_id(price_point), now=ports.clock())

    @app.get("/checkout/<price_point>/return")
    def returned(price_point: str) -> http.Answer:
        from billing.checkout.web import pages

        request = Request.of(app.current_event)
        return pages.return_from_gateway(ports, request, plain_id(price_point), now=ports.clock())

    @app.get("/sandbox/authenticate/<reference>")
    def authentication(reference: str) -> http.Answer:
        request = Request.of(app.current_event)
        return bank_page.authentication(ports, request, plain_id(reference))

    @app.post("/sandbox/authenticate/<reference>")
    def authenticate(reference: str) -> http.Answer:
        return bank_page.authenticate(ports, Request.of(app.current_event), plain_id(reference))

    _open_to_all(app, ports)
    return app


def _open_to_all(app: http.Resolver, ports: Ports) -> None:
    """Declares the page at /, and the directory."""

    @app.get("/")
    def front() -> http.Answer:
        return front_page(ports, Request.of(app.current_event))

    shown = Directory(ports)

    @app.get("/directory")
    def listed() -> http.Answer:
        return directory_page(shown, Request.of(app.current_event), now=ports.clock())

    @app.get("/directory.json")
    def listed_as_json() -> http.Answer:
        request = Request.of(app.current_event)
        cursor = request.query().get("cursor") or None
        return http.json(shapes.directory(shown.page(cursor, now=ports.clock())))


app = cache(lambda: build(wiring.ports()))


@telemetry.observed
@http.guard
def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Handles API Gateway's events for the checkout's addresses."""
    return app().resolve(event, context)
