"""The route of the event log in /v1 (CONTRACT.md)."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from billing.api.web.described import Instant, OneOf
from billing.api.web.frame import Api, Call
from billing.api.web.json_shapes import instant
from billing.event_log.flows import read
from billing.event_log.logged_events import LoggedEvent
from billing.event_log.public_events import PublicType
from billing.kernel.ports import Ports
from billing.web.inputs import Cursor, Input


class EventsQuery(Input):
    """The events to list: those behind `after`, an event's id or a list's `next`."""

    limit: Annotated[int, Field(ge=1, le=200)] = 50
    after: Cursor | None = None
    type: PublicType | None = None


class EventDataOutput(TypedDict):
    """The object of an event, as it stood when the event was logged; `object` in it says what it
    is."""

    object: dict[str, Any]


class EventOutput(TypedDict):
    """An event; those of one object are in the order of `sequence`."""

    id: str
    type: Annotated[str, OneOf(PublicType)]
    created_at: Instant
    api_version: str
    sequence: int
    customer: str | None
    subscription: str | None
    invoice: str | None
    data: EventDataOutput


class EventsOutput(TypedDict):
    """Events, oldest first; `next` is null where there are no more by now.

    The log has all events from `complete_since` on: your first call begins it, and events are kept
    for 90 days.
    """

    data: list[EventOutput]
    next: str | None
    complete_since: Instant


def declare(api: Api, ports: Ports) -> None:
    """Declares the list of events."""

    @api.get("/v1/events", EventsQuery)
    def list_events(call: Call[EventsQuery]) -> EventsOutput:
        """List events, oldest first; the first call begins the log.

        To follow it, ask again with the id of the last event as `after`. An event is listed ten
        seconds after it is logged.
        """
        query = call.input
        found = read.page(
            ports,
            call.merchant,
            after=query.after,
            of_type=query.type,
            limit=query.limit,
            now=call.now,
        )
        return {
            "data": [event(each) for each in found.data],
            "next": found.next,
            "complete_since": instant(found.complete_since),
        }


def event(logged: LoggedEvent) -> EventOutput:
    return {
        "id": logged.id,
        "type": logged.type,
        "created_at": instant(logged.at),
        "api_version": logged.version,
        "sequence": logged.sequence,
        "customer": logged.customer,
        "subscription": logged.subscription,
        "invoice": logged.invoice,
        "data": {"object": json.loads(logged.object)},
    }
