"""Facts for the outbox: written in the transaction that makes them true, told afterwards, once
(R-8)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class FactKind(StrEnum):
    """What the outside is told about."""

    PURCHASED = "purchased"
    RENEWED = "renewed"
    PAYMENT_FAILED = "payment_failed"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact; `id` is derived from what made it true, so that it cannot be written twice.

    `claimed_until` is the lease of the consumer that is telling it.
    """

    id: str
    kind: FactKind
    merchant: str
    customer: str
    at: datetime
    shard: int
    invoice: str | None = None
    subscription: str | None = None
    code: str | None = None
    claimed_until: datetime | None = None
