"""Appends an outbox event to its merchant's log, once (M-5).

The row and the note on the outbox event that it is written are one transaction: a process that dies
leaves both or none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from billing.event_log.logged_events import EventHour, LoggedEvent, hour_of, id_at
from billing.event_log.public_events import PUBLIC, PublicType
from billing.helpdesk.tickets import NOBODY
from billing.kernel.errors import Conflict, Unavailable
from billing.kernel.outbox_events import OutboxEvent
from billing.kernel.ports import Ports
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Transaction

NAME = "event_log"
"""The consumer's name, which it notes on the event itself."""

VERSION = "1"
"""The version of the API whose shapes the objects have."""

FRESH_FOR = timedelta(seconds=5)
"""The most time from an event's place to its write: a reader comes ten seconds after the place."""


Along = Callable[[LoggedEvent], Transaction]
"""Returns the writes that go along with an event, such as its deliveries."""


def alone(logged: LoggedEvent) -> Transaction:
    """Returns no writes: the event is logged for those who ask."""
    return ()


def next_place(ports: Ports, merchant: str) -> datetime:
    """Returns the place of an event that is appended now.

    It is taken before the event's object is read: so of two events about an object, the later one
    shows all that the earlier one does. It is the clock's own time, because the `now` of a sweep
    may be long past: a reader may have read on. Its hour is marked to have events.
    """
    place = ports.clock()
    while ports.store.event_hour(merchant, hour_of(place)) is None:
        with suppress(Conflict):  # another one was first
            ports.store.commit(Insert(EventHour(merchant, hour_of(place))))
        place = ports.clock()
    return place


def append(
    ports: Ports,
    event: OutboxEvent,
    place: datetime,
    shown: Mapping[str, Any],
    along: Along = alone,
    access: Mapping[str, Any] | None = None,
) -> LoggedEvent:
    """Appends a claimed outbox event with its object, at a place that was taken before it was read.

    `along` are writes of the same transaction. With `access`, that is an event beside it. Raises
    `Conflict` if the claim is lost, and `Unavailable` if the reading took too long.
    """
    _check_fresh(ports, place)
    logged = LoggedEvent(
        merchant=event.merchant,
        id=id_at(place, event.id),
        type=PUBLIC[event.kind][0].value,
        at=event.at,
        cause=event.id,
        object=_json(shown),
        version=VERSION,
        customer=None if event.customer == NOBODY else event.customer,
        subscription=event.subscription,
        invoice=event.invoice,
    )
    writes = (*_writes(logged, event), *along(logged))
    if access is not None:
        beside = _beside(logged, access)
        writes = (*writes, Insert(beside), *along(beside))
    ports.store.commit(*writes)
    return logged


def access_ended(
    ports: Ports,
    merchant: str,
    customer: str,
    subscription: str,
    place: datetime,
    shown: Mapping[str, Any],
    at: datetime,
) -> LoggedEvent:
    """Returns the event of access that ended by time alone, to be written with its cause.

    Raises `Unavailable` if it took too long to read since its place was taken.
    """
    _check_fresh(ports, place)
    cause = f"{subscription}:access:{at.isoformat()}"
    return LoggedEvent(
        merchant=merchant,
        id=id_at(place, cause),
        type=PublicType.ACCESS_CHANGED.value,
        at=at,
        cause=cause,
        object=_json(shown),
        version=VERSION,
        customer=customer,
        subscription=subscription,
    )


def day_closed(ports: Ports, merchant: str, shown: Mapping[str, Any], now: datetime) -> LoggedEvent:
    """Returns the event of a day whose figures are closed, to be written with the note of that."""
    cause = f"figures:{shown['id']}:{shown['test']}:{shown['revision']}"
    return LoggedEvent(
        merchant=merchant,
        id=id_at(next_place(ports, merchant), cause),
        type=PublicType.FIGURES_DAY_CLOSED.value,
        at=now,
        cause=cause,
        object=_json(shown),
        version=VERSION,
    )


def _beside(logged: LoggedEvent, access: Mapping[str, Any]) -> LoggedEvent:
    """Returns the event about a customer's access, at the place of the one that changed it."""
    cause = f"{logged.cause}:access"
    return replace(
        logged,
        id=id_at(logged.appended_at, cause),
        type=PublicType.ACCESS_CHANGED.value,
        cause=cause,
        object=_json(access),
        invoice=None,
    )


def _json(shown: Mapping[str, Any]) -> str:
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":"))


def _writes(logged: LoggedEvent, event: OutboxEvent) -> Transaction:
    noted = replace(event, done=(*event.done, NAME))
    return Insert(logged), Change(event, noted, expecting=("claimed_until",))


def _check_fresh(ports: Ports, place: datetime) -> None:
    if ports.clock() - place > FRESH_FOR:
        raise Unavailable("It took too long to read what an event is about.")
