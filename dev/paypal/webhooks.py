"""Signed events of the loopback, late, twice or out of order as asked, and their verification.

PayPal signs with the key of a certificate; an HMAC over the same words stands for it here, since
only the verification address ever looks at a signature.
"""

from __future__ import annotations

import hmac
import json
from hashlib import sha256
from zlib import crc32

from dev.paypal.answers import Answer, Json, Refusal
from dev.paypal.books import Books

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
    """Returns the events of a span, all on one page."""
    start, end = query["start_time"], query["end_time"]
    events = [event for event in books.events if start <= event["create_time"] <= end]
    return Answer(200, {"events": events, "count": len(events), "links": []})
