"""Requests to cancel a subscription: when it ends, and who asked for it (P-16, X-3, X-7)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from billing.kernel.values import Value


class When(StrEnum):
    """The time at which a cancellation takes effect (P-16, X-3)."""

    NOW = "now"
    PERIOD_END = "period_end"


class Source(StrEnum):
    """The party that ended a subscription (X-7)."""

    CUSTOMER = "customer"
    MERCHANT = "merchant"
    DUNNING = "dunning"
    GATEWAY = "gateway"
    SYSTEM = "system"


class CancelRequest(Value):
    """A request to cancel: when it takes effect, who asked, and why.

    `order` is the Order ID that people are shown (X-7), `ticket` the helpdesk request that was
    approved with it (H-4).
    """

    when: When
    source: Source
    requested_at: datetime
    order: str
    reason: str | None = None
    comment: str | None = None
    ticket: str | None = None
