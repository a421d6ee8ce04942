"""Verifies webhooks by Standard Webhooks 1.0.0, and signs them as Perennial does."""

from __future__ import annotations

import hmac
import json
import time
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Iterable
from hashlib import sha256
from typing import Any, Protocol

Event = dict[str, Any]
"""An event as it was sent: `id`, `type`, `sequence`, `data.object` .."""


class Headers(Protocol):
    """Headers of a request, as any framework has them."""

    def items(self) -> Iterable[tuple[str, str]]: ...


TOLERANCE_SECONDS = 300
PREFIX = "whsec_"
_VERSION = "v1"
_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")


class WebhookError(Exception):
    """A request that is not from your Perennial, or too old: answer 400, and do nothing."""


def verify(
    body: bytes,
    headers: Headers,
    secret: str,
    *,
    now: float | None = None,
    tolerance: float = TOLERANCE_SECONDS,
) -> Event:
    """Returns the event of a webhook whose signature is good.

    `body` is as it came, before anything read it; `now` is in seconds since 1970. Raises
    `WebhookError`.
    """
    given = {name.lower(): value for name, value in headers.items()}
    if missing := [name for name in _HEADERS if name not in given]:
        raise WebhookError(f"without the header {missing[0]}")
    number, stamp, signatures = (given[name] for name in _HEADERS)
    _check_age(stamp, time.time() if now is None else now, tolerance)
    good = _signature(_key(secret), number, stamp, body)
    offered = (each.partition(",") for each in signatures.split())
    if not any(v == _VERSION and hmac.compare_digest(s.encode(), good) for v, _, s in offered):
        raise WebhookError("the signature is another's, or the secret is")
    try:
        event = json.loads(body)
    except ValueError as error:
        raise WebhookError("the body is not JSON") from error
    if not isinstance(event, dict):
        raise WebhookError("the body is not an event")
    return event


def sign(body: bytes, event_id: str, secret: str, *, now: float) -> dict[str, str]:
    """Returns the headers of a webhook, as Perennial sends them. Raises `WebhookError`."""
    stamp = str(int(now))
    signature = _signature(_key(secret), event_id, stamp, body).decode()
    return dict(zip(_HEADERS, (event_id, stamp, f"{_VERSION},{signature}"), strict=True))


def _check_age(stamp: str, now: float, tolerance: float) -> None:
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise WebhookError("the timestamp is not a number")
    if abs(now - int(stamp)) > tolerance:
        raise WebhookError("the timestamp is too far from now")


def _key(secret: str) -> bytes:
    try:
        key = b64decode(secret.removeprefix(PREFIX), validate=True)
    except (NotBase64, ValueError) as error:
        raise WebhookError("the secret is not one of Perennial: it begins with whsec_") from error
    if not key:
        raise WebhookError("the secret is empty")
    return key


def _signature(key: bytes, number: str, stamp: str, body: bytes) -> bytes:
    signed = b".".join((number.encode(), stamp.encode(), body))
    return b64encode(hmac.digest(key, signed, sha256))
