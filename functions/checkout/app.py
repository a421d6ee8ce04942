"""The hosted checkout: offer, submit, return from 3-D Secure; the directory; the sandbox's bank."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from billing.flows import directory
from billing.ports import Ports
from billing.runtime import telemetry, wiring
from billing.web import buying, hosts, http, languages, sandbox
from billing.web.request import Request, plain_id


def build(ports: Ports) -> http.Resolver:
    """The routes of this function over a world."""
    app = http.resolver(languages.of_visitor, hosts.placed(ports))

    @app.get("/health")
    def health() -> http.Answer:
        return http.json({"status": "ok"})

    @app.get("/checkout/<price_point>")
    def offer(price_point: str) -> http.Answer:
        request = Request.of(app.current_event)
        return buying.offer_page(ports, request, plain_id(price_point), now=ports.clock())

    @app.post("/checkout/<price_point>")
    def submit(price_point: str) -> http.Answer:
        request = Request.of(app.current_event)
        return buying.submitted(ports, request, plain_id(price_point), now=ports.clock())

    @app.get("/checkout/<price_point>/return")
    def returned(price_point: str) -> http.Answer:
        request = Request.of(app.current_event)
        return buying.returned(ports, request, plain_id(price_point), now=ports.clock())

    @app.get("/sandbox/authenticate/<reference>")
    def authentication(reference: str) -> http.Answer:
        request = Request.of(app.current_event)
        return sandbox.authentication(ports, request, plain_id(reference))

    @app.post("/sandbox/authenticate/<reference>")
    def authenticate(reference: str) -> http.Answer:
        return sandbox.authenticate(ports, Request.of(app.current_event), plain_id(reference))

    @app.get("/directory")
    def listed() -> http.Answer:
        language = languages.of_visitor(Request.of(app.current_event))
        return http.page("directory.html", language, listings=directory.listings(ports))

    @app.get("/directory.json")
    def listed_as_json() -> http.Answer:
        return http.json(buying.listed(directory.listings(ports)))

    return app


app = cache(lambda: build(wiring.ports()))


@telemetry.observed
@http.guard
def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """API Gateway's events for the checkout's addresses."""
    return app().resolve(event, context)
