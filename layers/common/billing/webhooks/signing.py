"""Secrets of endpoints, and signatures by Standard Webhooks 1.0.0 (M-5).

A secret is derived from the installation's master key, the endpoint's id and a counter, so that
none is stored. Rotating counts on; the one before signs too for a day.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from billing.webhooks.endpoints import WebhookEndpoint

PREFIX = "whsec_"
OVERLAP = timedelta(hours=24)
"""The time for which the secret before a rotation still signs."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def secret(master: bytes, endpoint: WebhookEndpoint, number: int | None = None) -> str:
    """Returns an endpoint's secret, as its merchant enters it: the newest, or that of a number."""
    return PREFIX + b64encode(_key(master, endpoint, number or endpoint.secrets)).decode()


def headers(
    master: bytes,
    endpoint: WebhookEndpoint,
    event_id: str,
    body: bytes,
    now: datetime,
    *,
    stamped_at: datetime,
) -> dict[str, str]:
    """Returns the headers of an attempt: id, time and signatures.

    `now` decides which secrets sign; `stamped_at` is what the receiver compares with its clock.
    """
    seconds = (stamped_at - _EPOCH) // timedelta(seconds=1)
    signed = b".".join((event_id.encode(), str(seconds).encode(), body))
    made = (_signature(_key(master, endpoint, number), signed) for number in _valid(endpoint, now))
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(made),
    }


def _valid(endpoint: WebhookEndpoint, now: datetime) -> tuple[int, ...]:
    """Returns the numbers of the secrets that sign now, the newest first."""
    newest = endpoint.secrets
    rotated_at = endpoint.rotated_at
    overlaps = rotated_at is not None and now < rotated_at + OVERLAP
    return (newest, newest - 1) if overlaps else (newest,)


def _key(master: bytes, endpoint: WebhookEndpoint, number: int) -> bytes:
    about = f"webhook-secret\n{endpoint.merchant}\n{endpoint.id}\n{number}"
    return hmac.digest(master, about.encode(), sha256)


def _signature(key: bytes, signed: bytes) -> str:
    return "v1," + b64encode(hmac.digest(key, signed, sha256)).decode()
