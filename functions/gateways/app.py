"""The console's pages of gateway accounts: the one function that may store their keys."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from billing.console.web import gateway_routes
from billing.console.web.desks import Console
from billing.kernel.ports import Ports
from billing.runtime import telemetry, wiring
from billing.web import http


def build(ports: Ports) -> http.Resolver:
    """Builds the routes of this function over the given ports."""
    console = Console(ports)
    gateway_routes.declare(console.app, console.looks, console.sends)
    return console.app


app = cache(lambda: build(wiring.ports()))


@telemetry.observed
@http.guard
def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Handles API Gateway's events for /console/gateways."""
    return app().resolve(event, context)
