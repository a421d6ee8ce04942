"""PayPal's webhook events and disputes (W-2, W-4).

A signature covers the transmission's id and time, the webhook's id and the CRC32 of the body, by a
certificate that the request names. Checking it here would take an X.509 library in every function
(`cryptography`, 13 MB, for this alone), so PayPal checks it: verify-webhook-signature, with the
event's bytes as they came, never parsed and written again. Cheap checks come first and refuse an
event before that: headers, the certificate's host, a clock that is off by more than 5 minutes.

A CRC32 can be forged by anyone who holds one signed transmission. So an event is only trusted to
say that something happened, and to which object: all else is read afresh.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from billing.gateways.event_spans import oldest_first
from billing.gateways.paypal import orders
from billing.gateways.paypal.client import PayPalClient, segment
from billing.gateways.paypal.orders import Reference
from billing.kernel.errors import Forged, NotFound, Unreachable
from billing.kernel.gateways import About, Dispute, DisputeStanding, GatewayEvent
from billing.kernel.money import Money
from billing.kernel.values import replace

Json = Mapping[str, Any]

VERIFY = "/v1/notifications/verify-webhook-signature"
EVENTS = "/v1/notifications/webhooks-events"
DISPUTES = "/v1/customer/disputes"
CAPTURES = "/v2/payments/captures"

WINDOW = timedelta(minutes=5)
"""The largest difference between PayPal's clock and ours, either way."""

HEADER_MOST = 500
HEADERS = {
    "auth_algo": "paypal-auth-algo",
    "cert_url": "paypal-cert-url",
    "transmission_id": "paypal-transmission-id",
    "transmission_sig": "paypal-transmission-sig",
    "transmission_time": "paypal-transmission-time",
}
PAGES_MOST = 50
PAGE_SIZE = 100

ABOUT = (
    ("CHECKOUT.ORDER.", About.PAYMENT),
    ("PAYMENT.CAPTURE.REFUNDED", About.REFUND),
    ("PAYMENT.CAPTURE.REVERSED", About.DISPUTE),  # PayPal took it back, as banks do
    ("PAYMENT.CAPTURE.", About.PAYMENT),
    ("PAYMENT.REFUND.", About.REFUND),
    ("CUSTOMER.DISPUTE.", About.DISPUTE),
    ("VAULT.PAYMENT-TOKEN.UPDATED", About.METHOD),
)
"""Maps prefixes of an event's type to its subject; the first that fits counts
(https://developer.paypal.com/api/rest/webhooks/event-names). Of agreements only changes: one that
was created was read then, and one that was deleted is found gone when it is charged. `UPDATED` is
not on that list; shops that keep cards in the vault expect it of a card that was renewed."""

OF_A_PAYMENT = frozenset({About.PAYMENT, About.REFUND, About.DISPUTE})

TOKEN = re.compile(r"[0-9a-zA-Z_-]{1,36}")
"""A payment token's id (Vault v3, `vault_id`)."""

DECIDED = {
    "RESOLVED_BUYER_FAVOUR": DisputeStanding.LOST,
    "ACCEPTED": DisputeStanding.LOST,
    "RESOLVED_SELLER_FAVOUR": DisputeStanding.WON,
    "RESOLVED_WITH_PAYOUT": DisputeStanding.WON,
    "CANCELED_BY_BUYER": DisputeStanding.WON,
    "DENIED": DisputeStanding.WON,
    "NONE": DisputeStanding.WON,
}
"""The winner of a decided dispute; with a payout the buyer is paid, the merchant keeps theirs.

Nobody won the case that another one of the same payment replaced (NONE): that one, by an id of its
own, has the money from then on (https://developer.paypal.com/docs/disputes/faq/)."""


def parse(
    client: PayPalClient, body: bytes, headers: Mapping[str, str], now: datetime
) -> GatewayEvent:
    """Parses a signed event; raises `Forged`, and `Unreachable` when PayPal cannot verify it."""
    event = _object(body)
    signed = {name: headers.get(header, "") for name, header in HEADERS.items()}
    _refuse_unlikely(signed, now)
    fields = json.dumps({**signed, "webhook_id": client.webhook_id})
    # The bytes as they came: written again they would have another CRC32.
    question = fields[:-1].encode() + b', "webhook_event": ' + body + b"}"
    answer = client.post(VERIFY, question)
    if not answer.is_ok or answer.body.get("verification_status") != "SUCCESS":
        raise Forged("signature_wrong")
    return _event(client, event)


def _object(body: bytes) -> Json:
    def none(name: str) -> None:
        raise ValueError(name)

    try:
        event = json.loads(body.decode("utf-8"), parse_constant=none)
    except (ValueError, RecursionError) as error:
        raise Forged("event_malformed") from error
    if not isinstance(event, dict):
        raise Forged("event_malformed")
    return event


def _refuse_unlikely(signed: Mapping[str, str], now: datetime) -> None:
    for value in signed.values():
        if not value or len(value) > HEADER_MOST or not value.isascii():
            raise Forged("signature_missing")
    if not _is_paypals(signed["cert_url"]):
        raise Forged("certificate_wrong")
    try:
        sent_at = instant(signed["transmission_time"])
    except ValueError as error:
        raise Forged("signature_missing") from error
    if abs(now - sent_at) > WINDOW:
        raise Forged("signature_too_old")


def _is_paypals(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return (
            parts.scheme == "https"
            and (parts.hostname or "").endswith(".paypal.com")
            and parts.port in {None, 443}
            and parts.username is None
        )
    except ValueError:
        return False


def _event(client: PayPalClient, event: Json) -> GatewayEvent:
    """Reads the trusted fields of an event; raises `Forged` where there is no event at all."""
    try:
        identity, kind = str(event["id"]), str(event["event_type"])
        at, resource = instant(str(event["create_time"])), event["resource"]
    except (KeyError, ValueError) as error:
        raise Forged("event_malformed") from error
    about = next((about for start, about in ABOUT if kind.startswith(start)), About.OTHER)
    reference = None
    if isinstance(resource, dict) and about is About.METHOD:
        reference = _token(resource)
    elif isinstance(resource, dict) and about in OF_A_PAYMENT:
        reference = _reference(client, kind, resource)
    return GatewayEvent(identity, kind, about, reference, at)


def _token(resource: Json) -> str | None:
    found = resource.get("id")
    return found if isinstance(found, str) and TOKEN.fullmatch(found) else None


def _reference(client: PayPalClient, kind: str, resource: Json) -> str | None:
    """Returns the payment that a resource belongs to, None for one that is not ours."""
    try:
        if kind.startswith("CHECKOUT.ORDER."):
            return str(Reference.of(resource))
        return _of_capture(resource) or _of_named_capture(client, resource)
    except (NotFound, KeyError, TypeError, AttributeError, LookupError):
        return None


def _of_capture(capture: Json) -> str | None:
    order = capture.get("supplementary_data", {}).get("related_ids", {}).get("order_id")
    asked_at = capture.get("custom_id")
    return str(Reference.read(f"{order}.{asked_at}")) if order and asked_at else None


def _of_named_capture(client: PayPalClient, resource: Json) -> str | None:
    """Returns the payment of the capture that a resource is, or is about."""
    capture = _capture(resource)
    if capture is None:
        return None
    answer = client.get(f"{CAPTURES}/{segment(capture)}")
    return _of_capture(answer.body) if answer.is_ok else None


def _capture(resource: Json) -> str | None:
    for transaction in resource.get("disputed_transactions", ()):
        return str(transaction["seller_transaction_id"])
    for link in resource.get("links", ()):
        path = urlsplit(str(link["href"])).path
        if link.get("rel") in {"up", "self"} and path.startswith(CAPTURES + "/"):
            return path.removeprefix(CAPTURES + "/")
    return None


def since(client: PayPalClient, start: datetime, now: datetime) -> Iterator[GatewayEvent]:
    """Yields PayPal's events from `start` on, oldest first, asking as they are read."""

    def listing(
        start: datetime, end: datetime | None, whole: bool
    ) -> tuple[list[GatewayEvent], bool]:
        told, more = _told(client, start, end or now, whole)
        if more:
            return [], True
        events = [_event(client, event) for event in told]
        return sorted(events, key=lambda event: (event.at, event.id)), False

    return oldest_first(listing, start, now)


def _told(
    client: PayPalClient, start: datetime, end: datetime, whole: bool
) -> tuple[list[Json], bool]:
    """Lists a page of a span, both ends included, and tells whether it has others; or all pages."""
    query = {"start_time": written(start), "end_time": written(end), "page_size": PAGE_SIZE}
    path = f"{EVENTS}?{urlencode(query)}"
    told: list[Json] = []
    for _ in range(PAGES_MOST):
        page = _ok(client, path)
        told += page.get("events", ())
        after = _next(page)
        if after is None or not whole:
            return told, after is not None
        path = after
    raise Unreachable("PayPal has more events of a second than are read at once.")


def _next(page: Json) -> str | None:
    for link in page.get("links", ()):
        if link.get("rel") == "next":
            parts = urlsplit(link["href"])
            return f"{parts.path}?{parts.query}"
    return None


def disputes(
    client: PayPalClient, capture: str, reference: str, kept: Callable[[], Money]
) -> list[Dispute]:
    """Lists the disputes about one capture, oldest first; an inquiry that moved nothing is none.

    `kept` reads what refunds have left of it by now.
    """
    query = urlencode({"disputed_transaction_id": capture, "page_size": 50})
    found = _ok(client, f"{DISPUTES}?{query}")
    read = (
        _ok(client, f"{DISPUTES}/{segment(str(item['dispute_id']))}")
        for item in found.get("items", ())
    )
    known = [dispute for each in read if (dispute := _dispute(each, reference, kept))]
    return sorted(known, key=lambda dispute: (dispute.opened_at, dispute.id))


def _ok(client: PayPalClient, path: str) -> Json:
    answer = client.get(path)
    if not answer.is_ok:
        raise Unreachable(f"PayPal does not list what happened: {answer.issue}.")
    return answer.body


def _dispute(dispute: Json, reference: str, kept: Callable[[], Money]) -> Dispute | None:
    standing = DisputeStanding.OPEN
    outcome = dispute.get("dispute_outcome", {}) if dispute.get("status") == "RESOLVED" else {}
    if outcome:
        standing = DECIDED.get(str(outcome.get("outcome_code")), DisputeStanding.OPEN)
    amount = asked = orders.money(dispute["dispute_amount"])
    if standing is DisputeStanding.LOST and "amount_refunded" in outcome:
        took = orders.money(outcome["amount_refunded"])
        if not took:
            standing = DisputeStanding.WON  # decided for the buyer, and all money stayed
        elif took.currency is asked.currency:
            amount = took
    asked_only = dispute.get("dispute_life_cycle_stage") == "INQUIRY"
    if asked_only and standing is not DisputeStanding.LOST:
        return None
    if asked_only:
        # A refund closes an inquiry in the buyer's favour, and is booked as what it is. Read after
        # the case, which a refund has closed only once it is made.
        left = kept().amount_minor
        if asked.amount_minor - left >= amount.amount_minor:
            return None
        amount = replace(amount, amount_minor=min(amount.amount_minor, left))
    return Dispute(
        id=str(dispute["dispute_id"]),
        standing=standing,
        amount=amount,
        reference=reference,
        opened_at=instant(str(dispute["create_time"])),
    )


def instant(text: str) -> datetime:
    """Parses RFC 3339 as aware UTC; raises `ValueError`."""
    read = datetime.fromisoformat(text)
    if read.tzinfo is None:
        raise ValueError("an instant has an offset")
    return read.astimezone(UTC)


def written(at: datetime) -> str:
    """Formats an instant as PayPal reads it, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
