"""Writes the deliveries of an event as it is logged, and starts the worker that makes them (M-5).

The deliveries are in the transaction that logs the event: an event is on its way to each endpoint,
or is not logged yet. Where the worker is not started, the deliveries' due dates bring them back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from billing.event_log.flows import append
from billing.event_log.logged_events import LoggedEvent
from billing.kernel.due import DueKind
from billing.kernel.errors import Unavailable
from billing.kernel.outbox_events import OutboxEvent
from billing.kernel.ports import Ports
from billing.kernel.storage import Due
from billing.kernel.writes import Insert, Transaction, Write
from billing.runtime import telemetry
from billing.webhooks import deliveries
from billing.webhooks.deliveries import Delivery
from billing.webhooks.endpoints import WebhookEndpoint


def append_and_send(
    ports: Ports,
    event: OutboxEvent,
    place: datetime,
    shown: Mapping[str, Any],
    access: Mapping[str, Any] | None,
) -> None:
    """Logs a claimed outbox event with a delivery for each endpoint that wants it."""
    endpoints = ports.store.webhook_endpoints(event.merchant)
    made: list[Delivery] = []

    def along(logged: LoggedEvent) -> Transaction:
        of_this = _deliveries(endpoints, logged, ports.clock())
        made.extend(of_this)
        return tuple(map(Insert, of_this))

    append.append(ports, event, place, shown, along, access)
    start(ports, made)


def start(ports: Ports, made: Sequence[Delivery]) -> None:
    """Starts a worker for deliveries that are leased to it; the sweep finds what it does not do."""
    if not made:
        return
    try:
        ports.webhook_workers.start([lease_of(each) for each in made])
    except Unavailable:
        telemetry.happened("webhook worker not started", merchant=made[0].merchant)


def lease_of(delivery: Delivery) -> Due:
    """Returns the lease of a delivery, which is good as long as its due date is the same."""
    assert delivery.due_at is not None, "it is on its way"
    owner = (delivery.merchant, delivery.endpoint, delivery.event)
    return Due(DueKind.WEBHOOK, delivery.due_at, owner)


def writes_of(ports: Ports, logged: LoggedEvent) -> tuple[Write, ...]:
    """Returns the writes of an event that no outbox event caused, with its deliveries.

    They are due at once, and the sweep finds them.
    """
    found = ports.store.webhook_endpoints(logged.merchant)
    made = _deliveries(found, logged, ports.clock())
    return Insert(logged), *(Insert(each.again(ports.clock())) for each in made)


def _deliveries(
    endpoints: Sequence[WebhookEndpoint], logged: LoggedEvent, now: datetime
) -> list[Delivery]:
    return [
        deliveries.new(endpoint, logged.id, logged.type, now)
        for endpoint in endpoints
        if endpoint.wants(logged.type)
    ]
