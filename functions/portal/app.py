"""The customer's side: for now, the invoices that mails link to."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from billing.flows import invoices
from billing.ports import Ports
from billing.runtime import telemetry, wiring
from billing.web import http


def build(ports: Ports) -> http.Resolver:
    """The routes of this function over a world."""
    app = http.resolver()

    @app.get("/portal/<merchant>/invoices/<reference>/invoice.pdf")
    def invoice(merchant: str, reference: str) -> http.Answer:
        return http.file(invoices.download(ports, merchant, reference), "invoice.pdf")

    return app


app = cache(lambda: build(wiring.ports()))


@telemetry.observed
@http.guard
def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """API Gateway's events for the portal's addresses."""
    return app().resolve(event, context)
