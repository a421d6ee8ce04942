"""Appends an outbox event to its merchant's log, once (M-5).

The row and the note on the outbox event that it is written are one transaction: a process that dies
leaves both or none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from billing.event_log.logged_events import EventHour, LoggedEvent, hour_of, id_at
from billing.event_log.public_events import PUBLIC
from billing.helpdesk.tickets import NOBODY
from billing.kernel.errors import Conflict
from billing.kernel.outbox_events import OutboxEvent
from billing.kernel.ports import Ports
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Transaction

NAME = "event_log"
"""The consumer's name, which it notes on the event itself."""

VERSION = "1"
"""The version of the API whose shapes the objects have."""


Along = Callable[[LoggedEvent], Transaction]
"""Returns the writes that go along with an event, such as its deliveries."""


def alone(logged: LoggedEvent) -> Transaction:
    """Returns no writes: the event is logged for those who ask."""
    return ()


def append(
    ports: Ports, event: OutboxEvent, shown: Mapping[str, Any], along: Along = alone
) -> LoggedEvent:
    """Appends a claimed outbox event with its object; raises `Conflict` if the claim is lost.

    It takes the clock's own time, because `now` may be long past: a reader may have read on.
    `along` are writes of the same transaction.
    """
    place = _place(ports, event.merchant)
    logged = LoggedEvent(
        merchant=event.merchant,
        id=id_at(place, event.id),
        type=PUBLIC[event.kind][0].value,
        at=event.at,
        cause=event.id,
        object=json.dumps(shown, ensure_ascii=False, separators=(",", ":")),
        version=VERSION,
        customer=None if event.customer == NOBODY else event.customer,
        subscription=event.subscription,
        invoice=event.invoice,
    )
    ports.store.commit(*_writes(logged, event), *along(logged))
    return logged


def _writes(logged: LoggedEvent, event: OutboxEvent) -> Transaction:
    noted = replace(event, done=(*event.done, NAME))
    return Insert(logged), Change(event, noted, expecting=("claimed_until",))


def _place(ports: Ports, merchant: str) -> datetime:
    """Returns the place of an event appended now, in an hour that is marked to have events."""
    place = ports.clock()
    while ports.store.event_hour(merchant, hour_of(place)) is None:
        with suppress(Conflict):  # another one was first
            ports.store.commit(Insert(EventHour(merchant, hour_of(place))))
        place = ports.clock()
    return place
