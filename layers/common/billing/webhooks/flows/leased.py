"""Reads what leases name, for many endpoints in a few calls, and tells what may be done (M-5)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.storage import Due
from billing.kernel.values import Value
from billing.webhooks.deliveries import Delivery
from billing.webhooks.endpoints import WebhookEndpoint


class Standing(StrEnum):
    """Tells how a lease stands: `held` waits for its endpoint, `free` may be attempted."""

    STALE = "stale"
    UNKNOWN = "unknown"
    DISARMED = "disarmed"
    HELD = "held"
    FREE = "free"


class Leased(Value):
    """A lease with its delivery, and that one's merchant and endpoint."""

    lease: Due
    merchant: Merchant | None
    endpoint: WebhookEndpoint | None
    delivery: Delivery | None

    def standing(self, environment: str, now: datetime) -> Standing:
        if self.delivery is None or self.delivery.due_at != self.lease.due_at:
            return Standing.STALE
        if self.merchant is None or self.endpoint is None:
            return Standing.UNKNOWN
        if not self.merchant.armed_in(environment):
            return Standing.DISARMED
        if not self.endpoint.is_enabled or self.endpoint.is_paused(now):
            return Standing.HELD
        return Standing.FREE


def read(ports: Ports, leases: Sequence[Due]) -> list[Leased]:
    """Returns what each lease names, in their order."""
    places = [(merchant, endpoint) for merchant, endpoint, _ in (each.owner for each in leases)]
    events = [event for _, _, event in (each.owner for each in leases)]
    found = ports.store.deliveries_named(
        [(*place, event) for place, event in zip(places, events, strict=True)]
    )
    merchants = {one: ports.store.merchant(one) for one in dict.fromkeys(m for m, _ in places)}
    endpoints = ports.store.webhook_endpoints_named(places)
    return [
        Leased(lease, merchants[lease.owner[0]], endpoint, delivery)
        for lease, endpoint, delivery in zip(leases, endpoints, found, strict=True)
    ]
