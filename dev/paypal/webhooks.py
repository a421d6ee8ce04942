"""Signed events of the loopback, late, twice or out of order as asked, and their verification.

PayPal signs with the key of a certificate; an HMAC over the same words stands for it here, since
only the verification address ever looks at a signature.
"""

from __future__ import annotations

import hmac
import json
from hashlib import sha256
from urllib.parse import urlencode
from zlib import crc32

from dev.paypal.answers import Answer, Json, Refusal
from dev.paypal.books import Books

MOST = 10
"""The most webhooks of one app."""

URL_MOST = 2048

SIGNING_KEY = b"the loopback's certificate"
CERTIFICATE = (
    "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-1d93a270"
)


def sent(books: Books, event: Json, webhook_id: str) -> tuple[bytes, dict[str, str]]:
    """Returns an event as it is sent now: body and headers, names in lower case."""
    body = json.dumps(event).encode()
    transmission, at = f"tx-{books.draw()}", books.now
    return body, {
        "content-type": "application/json",
        "paypal-auth-algo": "SHA256withRSA",
        "paypal-cert-url": CERTIFICATE,
        "paypal-transmission-id": transmission,
        "paypal-transmission-sig": _signature(transmission, at, webhook_id, body),
        "paypal-transmission-time": at,
    }


def verify(question: bytes) -> Answer:
    """Returns whether the signature fits the event's bytes as they stand in the request."""
    try:
        asked = json.loads(question)
        _, _, rest = question.partition(b'"webhook_event":')
        raw = rest.removeprefix(b" ").removesuffix(b"}")
        fits = _signature(
            asked["transmission_id"], asked["transmission_time"], asked["webhook_id"], raw
        )
    except (ValueError, KeyError) as error:
        raise Refusal(400, "MALFORMED_REQUEST_JSON") from error
    good = hmac.compare_digest(fits, asked["transmission_sig"])
    return Answer(200, {"verification_status": "SUCCESS" if good else "FAILURE"})


def _signature(transmission: str, at: str, webhook_id: str, body: bytes) -> str:
    words = f"{transmission}|{at}|{webhook_id}|{crc32(body)}"
    return "s" + hmac.new(SIGNING_KEY, words.encode(), sha256).hexdigest()


def listed(books: Books, query: dict[str, str]) -> Answer:
    """Returns one page of the events of a span, newest first, with a link to the next one."""
    start, end, size = query["start_time"], query["end_time"], int(query.get("page_size", 10))
    found = [each for each in reversed(books.events) if start <= each["create_time"] <= end]
    after = int(query.get("index_id", 0)) + size
    links = []
    if len(found) > after:
        further = urlencode({**query, "move_to": "next", "index_id": after})
        links = [books.link("next", f"/v1/notifications/webhooks-events/?{further}")]
    events = found[after - size : after]
    return Answer(200, {"events": events, "count": len(events), "links": links})


def create(books: Books, body: Json) -> Answer:
    """Subscribes an address to events; an app has one webhook for an address."""
    _check(body)
    if any(each["url"] == body["url"] for each in books.webhooks.values()):
        raise Refusal(400, "WEBHOOK_URL_ALREADY_EXISTS")
    if len(books.webhooks) >= MOST:
        raise Refusal(400, "WEBHOOK_NUMBER_LIMIT_EXCEEDED")
    webhook = books.draw()
    books.webhooks[webhook] = {
        "id": webhook,
        "url": body["url"],
        "event_types": _types(body["event_types"]),
        "links": [books.link("self", f"/v1/notifications/webhooks/{webhook}")],
    }
    return Answer(201, books.webhooks[webhook])


def show_all(books: Books) -> Answer:
    return Answer(200, {"webhooks": list(books.webhooks.values())})


def show(books: Books, webhook: str) -> Answer:
    return Answer(200, _one(books, webhook))


def change(books: Books, webhook: str, raw: bytes) -> Answer:
    """Replaces the address or the events of a webhook, by operations of JSON Patch."""
    found = _one(books, webhook)
    try:
        changes = json.loads(raw)
    except ValueError as error:
        raise Refusal(400, "MALFORMED_REQUEST_JSON") from error
    changed = dict(found)
    for each in changes:
        if each.get("op") != "replace" or each.get("path") not in ("/url", "/event_types"):
            raise Refusal(400, "INVALID_PARAMETER_VALUE")
        changed[each["path"][1:]] = each["value"]
    _check(changed)
    found |= {"url": changed["url"], "event_types": _types(changed["event_types"])}
    return Answer(200, found)


def delete(books: Books, webhook: str) -> Answer:
    _one(books, webhook)
    del books.webhooks[webhook]
    return Answer(204, None)


def _one(books: Books, webhook: str) -> Json:
    if webhook not in books.webhooks:
        raise Refusal(404, "INVALID_RESOURCE_ID")
    return books.webhooks[webhook]


def _check(body: Json) -> None:
    url, types = body.get("url"), body.get("event_types")
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise Refusal(400, "INVALID_PARAMETER_VALUE")
    if len(url) > URL_MOST or not isinstance(types, list) or not types:
        raise Refusal(400, "INVALID_PARAMETER_VALUE")
    if not all(isinstance(each, dict) and each.get("name") for each in types):
        raise Refusal(400, "INVALID_PARAMETER_VALUE")


def _types(types: list[Json]) -> list[Json]:
    return [
        {"name": each["name"], "description": each["name"].lower(), "status": "ENABLED"}
        for each in types
    ]
