"""Input of the routes about outgoing webhooks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field, StrictBool, StringConstraints

from billing.api.web.queries import InstantOrDate, PageQuery, end_of, start_of
from billing.web.inputs import WORDS, Input, words
from billing.webhooks.deliveries import DeliveryState
from billing.webhooks.urls import LONGEST

Url = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST)]
EventType = Annotated[str, words(60)]
EventTypes = Annotated[tuple[EventType, ...], Field(min_length=1, max_length=60)]
EndpointName = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=100, pattern=WORDS)
]


class WebhookEndpointInput(Input):
    """A new endpoint: an address by https, and the types of events that it gets."""

    url: Url
    events: EventTypes
    name: EndpointName | None = None


class WebhookEndpointChangeInput(Input):
    """A change of an endpoint; an empty name removes it."""

    url: Url | None = None
    events: EventTypes | None = None
    name: EndpointName | None = None
    enabled: StrictBool | None = None


class WebhookReplayInput(Input):
    """The time whose events are sent again, by when they were logged, and their types."""

    model_config = ConfigDict(populate_by_name=True)

    since: Annotated[InstantOrDate, Field(alias="from")]
    until: Annotated[InstantOrDate, Field(alias="to")]
    types: EventTypes = ("*",)

    def span(self, zone: str) -> tuple[datetime, datetime]:
        """Returns the first instant, and the first one after it all."""
        return start_of(self.since, zone, "from"), end_of(self.until, zone, "to")


class DeliveriesQuery(PageQuery):
    """A page of deliveries, of one type or state."""

    type: EventType | None = None
    state: DeliveryState | None = None
