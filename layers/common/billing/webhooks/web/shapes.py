"""Endpoints and deliveries as JSON."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from typing_extensions import TypedDict

from billing.api.web.described import Instant, OneOf, Url
from billing.api.web.json_shapes import instant
from billing.event_log.logged_events import place_of
from billing.jobs.jobs import Job, JobState
from billing.webhooks.deliveries import Delivery, DeliveryState
from billing.webhooks.endpoints import Disabled, WebhookEndpoint


class WebhookEndpointOutput(TypedDict):
    """An endpoint. `failing_since` is its first failure after its last success.

    `secret` is there when it is made or rotated, and never again.
    """

    id: str
    url: Url
    name: str | None
    events: list[str]
    status: Literal["enabled", "disabled"]
    disabled_reason: Disabled | None
    disabled_at: Instant | None
    failing_since: Instant | None
    created_at: Instant
    secret: NotRequired[str]


class DeliveryOutput(TypedDict):
    """An event on its way to an endpoint.

    `event` is the event's id, the webhook-id of each attempt. `response_status` is the answer to
    the last attempt, and `error` why there was none.
    """

    id: str
    endpoint: str
    event: str
    type: str
    event_logged_at: Instant
    state: DeliveryState
    attempts: int
    attempted_at: Instant | None
    next_attempt_at: Instant | None
    response_status: int | None
    error: str | None


class ReplayOutput(TypedDict):
    """A replay that was begun; it goes on in the background."""

    id: str
    endpoint: str
    state: Annotated[str, OneOf(JobState)]
    created_at: Instant


def endpoint(found: WebhookEndpoint) -> WebhookEndpointOutput:
    return {
        "id": found.id,
        "url": found.url,
        "name": found.name,
        "events": list(found.events),
        "status": "enabled" if found.is_enabled else "disabled",
        "disabled_reason": found.disabled,
        "disabled_at": instant(found.disabled_at),
        "failing_since": instant(found.failing_since),
        "created_at": instant(found.created_at),
    }


def with_secret(found: WebhookEndpoint, secret: str) -> WebhookEndpointOutput:
    return {**endpoint(found), "secret": secret}


def delivery(found: Delivery) -> DeliveryOutput:
    return {
        "id": found.id,
        "endpoint": found.endpoint,
        "event": found.event,
        "type": found.type,
        "event_logged_at": instant(place_of(found.event)),
        "state": found.state,
        "attempts": found.attempts,
        "attempted_at": instant(found.attempted_at),
        "next_attempt_at": instant(found.due_at),
        "response_status": found.status,
        "error": found.error,
    }


def replay(job: Job, endpoint_id: str) -> ReplayOutput:
    return {
        "id": job.id,
        "endpoint": endpoint_id,
        "state": job.state.value,
        "created_at": instant(job.created_at),
    }
