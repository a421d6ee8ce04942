"""Checks of the event log: each public event once, of the merchant who reads it alone (M-5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

from billing.event_log.logged_events import EventHour, LoggedEvent, hour_of
from billing.event_log.public_events import PUBLIC
from billing.kernel.outbox_events import OutboxEvent
from sim.invariants import Violation
from sim.plan import READS_EVENTS


def logged_once(found: dict[type, list[Any]], written: Collection[OutboxEvent]) -> None:
    """Checks the log against the events that have left the outbox."""
    waiting = {event.id: event for event in found[OutboxEvent]}
    times: Counter[str] = Counter(each.cause for each in found[LoggedEvent])
    for event in written:
        public = event.merchant == READS_EVENTS and event.kind in PUBLIC
        least = int(public and event.id not in waiting)
        if not least <= times[event.id] <= int(public):
            text = f"{event.id} is in the log {times[event.id]} times"
            raise Violation("13", text, event.id, event.subscription)
    hours = {each.begins_at for each in found[EventHour]}
    for each in found[LoggedEvent]:
        if hour_of(each.appended_at) not in hours:
            raise Violation("13", f"nobody finds the hour of {each.id}", each.cause)
