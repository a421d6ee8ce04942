"""Gateway webhooks: signed events, and the sweep that finds those that were lost."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from billing.gateway_events.flows import lost_events
from billing.gateway_events.web import webhooks
from billing.kernel.ports import Ports
from billing.runtime import deadline, telemetry, wiring
from billing.web import http
from billing.web.request import Request

MILLISECONDS_TO_FINISH = 15_000


def build(ports: Ports) -> http.Resolver:
    """Builds the routes of this function over the given ports."""
    app = http.resolver()

    @app.post("/webhooks/<gateway>/<merchant>")
    def receive(gateway: str, merchant: str) -> http.Answer:
        tally = webhooks.receive(ports, Request.of(app.current_event), gateway, merchant)
        telemetry.tally(tally, "webhook_")
        return http.json({"received": True})

    return app


@telemetry.observed
def sweep(event: Mapping[str, Any], context: Any) -> dict[str, int]:
    """Looks for events that no webhook delivered, at every account."""
    tally = lost_events.catch_up(
        wiring.ports(),
        now=datetime.fromisoformat(event["time"]),
        keep_going=deadline.has_time(context, to_finish=MILLISECONDS_TO_FINISH),
    )
    telemetry.tally(tally, "events_")
    return dict(tally)


app = cache(lambda: build(wiring.ports()))


@telemetry.observed
@http.guarded_by(webhooks.admit)
def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Handles API Gateway's events for the addresses that gateways send to."""
    return app().resolve(event, context)
