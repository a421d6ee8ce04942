"""Reads a merchant's event log, oldest first (M-5).

Reading begins the log: nothing is written for a merchant before somebody has asked for it once.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from billing.event_log.logged_events import (
    COMPLETE_AFTER,
    HOUR,
    KEPT,
    READABLE_AFTER,
    LoggedEvent,
    hour_of,
    id_at,
    place_of,
)
from billing.event_log.public_events import PublicType
from billing.kernel.errors import Conflict, Invalid, NotFound
from billing.kernel.lists import Changed
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.values import Value, replace
from billing.kernel.writes import Change

HOURS_AT_MOST = 50
"""The most hours of one answer, each of which is a query."""

ROWS_AT_MOST = 1_000
"""The most events that one answer looks at, of whatever type."""

PART = 200


class EventPage(Value):
    """Events of a log, oldest first.

    `next` is where to read on, None where there is nothing more to read by now. The log has all
    events from `complete_since` on.
    """

    data: tuple[LoggedEvent, ...]
    next: str | None
    complete_since: datetime


def page(
    ports: Ports,
    merchant: Merchant,
    *,
    after: str | None,
    of_type: PublicType | None = None,
    limit: int,
    now: datetime,
) -> EventPage:
    """Returns up to `limit` events behind `after`, the id of an event or a page's `next`.

    Raises `Invalid` for any other text. The first call of all begins the log.
    """
    begun = begin(ports, merchant, now=now)
    walk = _Walk(ports, merchant.id, *_span(begun, after, now))
    found: list[LoggedEvent] = []
    for event in walk:
        if of_type is not None and event.type != of_type.value:
            continue
        if len(found) == limit:
            return EventPage(tuple(found), found[-1].id, _complete_since(begun, now))
        found.append(event)
    return EventPage(tuple(found), walk.next, _complete_since(begun, now))


def changed(
    ports: Ports,
    merchant: Merchant,
    what: str,
    *,
    since: datetime,
    after: str | None = None,
    limit: int,
    now: datetime,
) -> Changed:
    """Returns the objects of a merchant that changed since an instant, as `ChangedSince` asks.

    `what` is `subscription`, `invoice` or `customer`. Changes of the last ten seconds are left to
    the next question, and those before `complete_since` may be missing.
    """
    assert what in {"subscription", "invoice", "customer"}, "other objects have no lists"
    begun = begin(ports, merchant, now=now)
    walk = _Walk(ports, merchant.id, *_span(begun, after or id_at(since), now))
    owners: dict[tuple[str, str], None] = {}
    for event in walk:
        # What access follows from is an event of its own; it says so a second time.
        follows = event.type == PublicType.ACCESS_CHANGED
        object_id = None if follows else getattr(event, what)
        if object_id is not None and event.customer is not None:
            owners[event.customer, object_id] = None
        if len(owners) == limit:
            break
    return Changed(tuple(owners), walk.next, _complete_since(begun, now))


def begin(ports: Ports, merchant: Merchant, *, now: datetime) -> datetime:
    """Marks a merchant as having a reader, so that their events are logged from now on.

    Returns since when that is so.
    """
    if merchant.events_since is not None:
        return merchant.events_since
    try:
        ports.store.commit(Change(merchant, replace(merchant, events_since=now)))
    except Conflict:
        found = ports.store.merchant(merchant.id)
        if found is None:
            raise NotFound("merchant_unknown") from None
        return begin(ports, found, now=now)
    return now


def _span(begun: datetime, after: str | None, now: datetime) -> tuple[str, datetime]:
    """Returns the place to read on from, and the instant up to which events can be read."""
    oldest = id_at(max(begun - HOUR, now - KEPT))  # clocks differ, by less than that
    try:
        known = oldest if after is None else id_at(place_of(after))
    except ValueError:
        raise Invalid("cursor_unknown", field="after") from None
    return oldest if after is None or known < oldest else after, now - READABLE_AFTER


def _complete_since(begun: datetime, now: datetime) -> datetime:
    return max(begun + COMPLETE_AFTER, now - KEPT)


class _Walk:
    """A walk over the events of a log up to an instant, within the bounds of one answer.

    `next` is where to go on from the last event that was yielded, None once it is over.
    """

    def __init__(self, ports: Ports, merchant: str, after: str, until: datetime) -> None:
        self._ports = ports
        self._merchant = merchant
        self._after = after
        self._until = until
        self.next: str | None = after

    def __iter__(self) -> Iterator[LoggedEvent]:
        left = ROWS_AT_MOST
        begins_at = hour_of(place_of(self._after))
        hours = self._ports.store.event_hours(
            self._merchant, begins_at, self._until, HOURS_AT_MOST + 1
        )
        for hour in hours[:HOURS_AT_MOST]:
            while found := self._part(hour.begins_at):
                for event in found:
                    self._after = self.next = event.id
                    yield event
                left -= len(found)
                if left <= 0:
                    return
                if len(found) < PART:
                    break
        self.next = None
        if len(hours) > HOURS_AT_MOST:
            self.next = id_at(hours[HOURS_AT_MOST].begins_at)

    def _part(self, hour: datetime) -> list[LoggedEvent]:
        return self._ports.store.logged_events(
            self._merchant, hour, after=self._after, until=id_at(self._until), limit=PART
        )
