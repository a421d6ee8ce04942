"""Signed events of gateways."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from billing.flows import webhook
from billing.ports import Ports
from billing.runtime import telemetry, wiring
from billing.web import http, webhooks
from billing.web.request import Request


def build(ports: Ports) -> http.Resolver:
    """The routes of this function over a world."""
    app = http.resolver()

    @app.post("/webhooks/<gateway>/<merchant>")
    def receive(gateway: str, merchant: str) -> http.Answer:
        request, accounts = (
            Request.of(app.current_event),
            webhooks.accounts(ports, gateway, merchant),
        )
        body = request.body.encode()
        tally = webhook.receive(ports, accounts, body, request.headers, now=ports.clock())
        telemetry.tally(tally, "webhook_")
        return http.json({"received": True})

    return app


app = cache(lambda: build(wiring.ports()))


@telemetry.observed
@http.guarded_by(webhooks.admitted)
def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """API Gateway's events for the addresses that gateways send to."""
    return app().resolve(event, context)
