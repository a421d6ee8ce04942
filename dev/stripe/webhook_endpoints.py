"""Webhook endpoints.

https://docs.stripe.com/api/webhook_endpoints: the secret is shown once, when one is created.
"""

import re
from collections.abc import Iterator
from typing import Any

from dev.stripe import form, lists
from dev.stripe.errors import StripeError, invalid
from dev.stripe.work import API_VERSION, Object, Work, new_id

MOST = 16
"""The most endpoints of an account in one mode."""

_EVENT = re.compile(r"\*|[a-z0-9_]+(\.[a-z0-9_]+)+")


def _events(value: Any, name: str) -> list[str]:
    kinds = form.texts(value, name)
    if not kinds:
        raise invalid(f"Missing required param: {name}.", name, "parameter_missing")
    for kind in kinds:
        if not _EVENT.fullmatch(kind):
            raise invalid(f"Invalid {name}: {kind} is no event type", name)
    return kinds


def _version(value: Any, name: str) -> str:
    if value != API_VERSION:
        raise invalid(f"Invalid Stripe API version: {value}", name)
    return str(value)


CREATE: form.Fields = {
    "api_version": _version,
    "connect": form.boolean,
    "description": form.text,
    "enabled_events": _events,
    "metadata": form.metadata,
    "url": form.web_address,
}
UPDATE: form.Fields = {
    "description": form.text,
    "disabled": form.boolean,
    "enabled_events": _events,
    "metadata": form.metadata,
    "url": form.web_address,
}
LIST: form.Fields = {**lists.CURSORS}


def create(work: Work, params: dict[str, Any]) -> Object:
    if len(list(work.newest_first("webhook_endpoint"))) >= MOST:
        raise StripeError(400, f"You have reached the maximum of {MOST} webhook endpoints.")
    secret = new_id("whsec", 32)
    made: Object = {
        "id": new_id("we"),
        "object": "webhook_endpoint",
        "api_version": params.get("api_version"),
        "application": None,
        "created": work.seconds,
        "description": params.get("description"),
        "enabled_events": params["enabled_events"],
        "livemode": False,
        "metadata": form.merged({}, params.get("metadata")),
        "status": "enabled",
        "url": params["url"],
    }
    work.put(made | {"_secret": secret})
    return made | {"secret": secret}


def retrieve(work: Work, params: dict[str, Any], endpoint: str) -> Object:
    return work.load("webhook_endpoint", endpoint)


def update(work: Work, params: dict[str, Any], endpoint: str) -> Object:
    found = work.load("webhook_endpoint", endpoint)
    for name in ("description", "enabled_events", "url"):
        if name in params:
            found[name] = params[name]
    if "disabled" in params:
        found["status"] = "disabled" if params["disabled"] else "enabled"
    found["metadata"] = form.merged(found["metadata"], params.get("metadata"))
    return work.put(found)


def delete(work: Work, params: dict[str, Any], endpoint: str) -> Object:
    work.load("webhook_endpoint", endpoint)
    work.remove(endpoint)
    return {"id": endpoint, "object": "webhook_endpoint", "deleted": True}


def find_all(work: Work, params: dict[str, Any]) -> Object:
    return lists.page("/v1/webhook_endpoints", work.newest_first("webhook_endpoint"), params)


def listening(work: Work, kind: str) -> Iterator[Object]:
    """Yields the endpoints that are sent events of a kind."""
    for endpoint in work.newest_first("webhook_endpoint"):
        if endpoint["status"] == "enabled" and {"*", kind} & set(endpoint["enabled_events"]):
            yield endpoint
