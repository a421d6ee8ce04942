"""Delivers events to a program on this machine as Perennial does: the same body, signed."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from billing.event_log.logged_events import id_at
from perennial.merchant.terminal import PAGE, get
from perennial_client import sign

ANSWER_SECONDS = 15.0
EVERY_SECONDS = 2.0
_OWN_MACHINE = frozenset({"127.0.0.1", "::1", "localhost"})


def receiver(address: str) -> str:
    """Returns the address of a program on this machine; raises `ValueError` for any other."""
    try:
        host, scheme = httpx.URL(address).host, httpx.URL(address).scheme
    except httpx.InvalidURL:
        host = scheme = ""
    if scheme not in {"http", "https"} or host not in _OWN_MACHINE:
        raise ValueError(
            f"--to: {address[:60]!r} is not on this machine, such as "
            "http://127.0.0.1:8000/webhooks. For others create a webhook endpoint"
        )
    return address


def body_of(event: Mapping[str, Any]) -> bytes:
    """Returns the body of a webhook about an event of `GET /v1/events`."""
    first = {"id": event["id"], "type": event["type"], "timestamp": event["created_at"]}
    return json.dumps({**first, **event}, ensure_ascii=False, separators=(",", ":")).encode()


def post(to: str, event: Mapping[str, Any], secret: str) -> str:
    """Delivers one event; returns the status in words. Nothing is repeated."""
    body = body_of(event)
    headers = sign(body, str(event["id"]), secret, now=time.time())
    headers["Content-Type"] = "application/json"
    try:
        # A transport of its own heeds no proxy of the environment: customers' data stays here.
        with httpx.Client(transport=httpx.HTTPTransport(), timeout=ANSWER_SECONDS) as here:
            answer = here.post(to, content=body, headers=headers)
    except httpx.HTTPError as error:
        return f"failed: {error}"
    return f"{answer.status_code}" if answer.is_success else f"{answer.status_code} refused"


def newest(api: httpx.Client, kind: str | None) -> str:
    """Returns the cursor behind the newest event: what comes after it is new.

    It starts where the server's clock stands, since a log may be long.
    """
    answer = api.get("/v1/events", params={"limit": 1})
    after = id_at(parsedate_to_datetime(answer.headers["date"]))
    for page in _pages(api, after, kind):
        after = page[-1]["id"] if page else after
    return after


def follow(
    api: httpx.Client,
    after: str,
    kind: str | None,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Mapping[str, Any]]:
    """Yields events behind `after` as they come, without end."""
    while True:
        for page in _pages(api, after, kind):
            for event in page:
                after = event["id"]
                yield event
        sleep(EVERY_SECONDS)


def _pages(api: httpx.Client, after: str, kind: str | None) -> Iterator[list[Any]]:
    while True:
        found = get(api, "/v1/events", after=after, type=kind, limit=PAGE)
        yield found["data"]
        if found["next"] is None or found["next"] == after:
            return
        after = found["next"]
