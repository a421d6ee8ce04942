"""Gateway webhooks: signed events."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from billing.gateway_events.flows.health import Hourly
from billing.gateway_events.web import webhooks
from billing.kernel.ports import Ports
from billing.runtime import telemetry, wiring
from billing.web import http
from billing.web.request import Request


def build(ports: Ports) -> http.Resolver:
    """Builds the routes of this function over the given ports."""
    app, notes = http.resolver(admit=webhooks.admit), Hourly()

    @app.post("/webhooks/<gateway>/<merchant>")
    def receive(gateway: str, merchant: str) -> http.Answer:
        tally = webhooks.receive(ports, Request.of(app.current_event), gateway, merchant, notes)
        telemetry.tally(tally, "webhook_")
        return http.json({"received": True})

    return app


app = cache(lambda: build(wiring.ports()))


@telemetry.observed
@http.guard
def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Handles API Gateway's events for the addresses that gateways send to."""
    return app().resolve(event, context)
