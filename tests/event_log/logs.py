"""Logs of events for these tests: begun, filled and read as stored."""

from __future__ import annotations

from datetime import timedelta

from billing.event_log.flows import read
from billing.event_log.logged_events import (
    EventHour,
    LoggedEvent,
    hour_of,
    id_at,
)
from billing.kernel.writes import Insert
from tests.world import START, World


def begin(world: World) -> None:
    """Has somebody read the log for the first time."""
    read.begin(world.ports, world.merchant, now=world.now)
    world.merchant = world.store.merchant("acme") or world.merchant


def logged(world: World) -> list[LoggedEvent]:
    """Returns all of a world's log but what is said of access, whether it can be read yet or
    not."""
    far = world.now + timedelta(days=400)
    hours = world.store.event_hours("acme", START, far, 10_000)
    parts = (
        world.store.logged_events(
            "acme", h.begins_at, after=id_at(START), until=id_at(far), limit=9999
        )
        for h in hours
    )
    all_of_them = [event for part in parts for event in part]
    return [event for event in all_of_them if event.type != "customer.access_changed"]


def put(world: World, count: int, *, every: timedelta, kind: str = "plan.changed") -> list[str]:
    """Appends events by hand, the last one now."""
    ids = []
    for n in range(count):
        place = world.now - (count - 1 - n) * every
        event = LoggedEvent("acme", id_at(place, f"c{n}"), kind, place, f"c{n}", '{"id":"x"}', "1")
        if world.store.event_hour("acme", place) is None:
            world.store.commit(Insert(EventHour("acme", hour_of(place))))
        world.store.commit(Insert(event))
        ids.append(event.id)
    return ids
