"""The route of /v1 that exports the consent of a subscription (C-6)."""

from __future__ import annotations

from billing.api.web.frame import Api, Call
from billing.kernel.errors import NotFound
from billing.kernel.flows import subscriptions
from billing.kernel.ports import Ports
from billing.privacy.web import shapes
from billing.privacy.web.shapes import ConsentOutput
from billing.web.inputs import Nothing


def declare_consents(api: Api, ports: Ports) -> None:
    """Declares the route of a subscription's consent."""

    @api.get("/v1/subscriptions/<subscription>/consent")
    def show_consent(call: Call[Nothing], subscription: str) -> ConsentOutput:
        """Export what a subscription's buyer agreed to: when, from where, in which words."""
        found = subscriptions.fresh(ports, call.merchant.id, subscription)
        kept = ports.store.consent(found.merchant, found.customer, found.id)
        if kept is None:
            raise NotFound("subscription_unknown")
        return shapes.consent(kept)
