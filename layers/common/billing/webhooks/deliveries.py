"""Deliveries: one event on its way to one endpoint, and what became of it (M-5).

A delivery is written in the transaction that logs its event, with a due date that brings it back if
the process dies. While it is on its way the due date is its next attempt, or the end of the lease
of the one that is made.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import blake2s
from typing import ClassVar

from billing.kernel.due import DueKind
from billing.kernel.values import replace
from billing.kernel.writes import Entity
from billing.webhooks.endpoints import WebhookEndpoint

KEPT = timedelta(days=90)

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
DELAYS = (
    5 * SECOND,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    20 * HOUR,
    24 * HOUR,
)
"""The time from each attempt to the next; the first one is made at once."""

JITTER = 0.1
"""The share by which a delay is longer, so that what failed together does not come together."""

LONGEST_WAIT = 24 * HOUR
"""The most that an answer's Retry-After puts the next attempt off."""

MOST_ATTEMPTS = 3 * (len(DELAYS) + 1)
"""The attempts after which an event is not sent again by itself: its receiver refuses it."""

LEASE = 2 * MINUTE
"""The time that a worker has an attempt to itself; its function ends long before."""

SOON = timedelta(seconds=8)
"""A next attempt that comes so soon is made by the same worker."""

TEST = "endpoint.tested"
"""The type of the event that a merchant sends to try an endpoint; it is in no log."""


class DeliveryState(StrEnum):
    """The state of a delivery.

    `waiting` is not attempted while its endpoint fails or is disabled, `exhausted` was attempted in
    vain. Both are sent again after the endpoint's next success.
    """

    PENDING = "pending"
    WAITING = "waiting"
    DELIVERED = "delivered"
    EXHAUSTED = "exhausted"


class Delivery(Entity):
    """An event on its way to an endpoint.

    `event` is the event's id, which is the webhook-id of each attempt. `slot` is the number of
    attempts of the schedule that are over; `attempts` are those that were made in all. `status` is
    the HTTP status of the last one, and `error` why there was none.
    """

    due_kind: ClassVar[DueKind] = DueKind.WEBHOOK

    merchant: str
    endpoint: str
    event: str
    type: str
    created_at: datetime
    shard: int
    due_at: datetime | None
    state: DeliveryState = DeliveryState.PENDING
    slot: int = 0
    attempts: int = 0
    status: int | None = None
    error: str | None = None
    attempted_at: datetime | None = None

    @property
    def id(self) -> str:
        return f"{self.endpoint}.{self.event}"

    @property
    def is_undelivered(self) -> bool:
        """True if it is sent again after its endpoint's next success."""
        if self.state is DeliveryState.EXHAUSTED:
            return self.attempts < MOST_ATTEMPTS
        return self.state is DeliveryState.WAITING

    def attempted(self, status: int | None, error: str | None, now: datetime) -> Delivery:
        """Notes the outcome of an attempt, before it is decided what follows."""
        return replace(
            self,
            attempts=self.attempts + 1,
            status=status,
            error=error,
            attempted_at=now,
        )

    def delivered(self) -> Delivery:
        return replace(self, state=DeliveryState.DELIVERED, due_at=None)

    def postponed(
        self, now: datetime, *, wait: timedelta | None = None, until: datetime | None = None
    ) -> Delivery:
        """Moves to the schedule's next attempt; given up after the last one.

        `wait` is what the receiver asks for, and `until` the end of its endpoint's pause.
        """
        if self.slot >= len(DELAYS):
            return self.given_up()
        delay = DELAYS[self.slot] * (1 + JITTER * self._fraction())
        if wait is not None:
            delay = max(delay, min(wait, LONGEST_WAIT))
        at = now + delay
        return replace(self, slot=self.slot + 1, due_at=at if until is None else max(at, until))

    def kept_waiting(self) -> Delivery:
        return replace(self, state=DeliveryState.WAITING, due_at=None)

    def given_up(self) -> Delivery:
        return replace(self, state=DeliveryState.EXHAUSTED, due_at=None)

    def again(self, at: datetime) -> Delivery:
        """Begins the schedule anew at an instant."""
        return replace(self, state=DeliveryState.PENDING, slot=0, due_at=at)

    def _fraction(self) -> float:
        drawn = blake2s(f"{self.id} {self.slot}".encode(), digest_size=2).digest()
        return int.from_bytes(drawn, "big") / 65536


def new(endpoint: WebhookEndpoint, event_id: str, kind: str, now: datetime) -> Delivery:
    """Returns the delivery of an event, leased to the worker that is started for it."""
    return Delivery(
        merchant=endpoint.merchant,
        endpoint=endpoint.id,
        event=event_id,
        type=kind,
        created_at=now,
        shard=endpoint.shard,
        due_at=now + LEASE,
    )
