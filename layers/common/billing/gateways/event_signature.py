"""Signatures of gateway events: HMAC-SHA256 over time and raw bytes.

The header is `t=<seconds>,v1=<hex>,v1=<hex>..`, one v1 for each secret that is valid. A time from
the future is refused as an old one is.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256

from billing.kernel.errors import Forged

WINDOW_SECONDS = 300
"""The largest difference between the gateway's clock and ours, either way."""

HEADER_MOST = 4096
SECONDS = re.compile(r"[0-9]{1,12}")
DIGEST = re.compile(r"[0-9a-f]{64}")


def sign(body: bytes, secrets: Iterable[str], at: datetime) -> str:
    """Returns the header of a body that is sent at `at`, signed with each of the secrets."""
    seconds = int(at.timestamp())
    return ",".join((f"t={seconds}", *(f"v1={_digest(s, seconds, body)}" for s in secrets)))


def verify(body: bytes, header: str, secrets: Iterable[str], *, now: datetime) -> None:
    """Raises `Forged` unless one of the secrets signed these bytes within 300 seconds of `now`."""
    seconds, digests = _parts(header)
    if abs(now.timestamp() - seconds) > WINDOW_SECONDS:
        raise Forged("signature_too_old")
    expected = [_digest(secret, seconds, body) for secret in secrets]
    # All pairs are compared, so that the time taken does not reveal which one fits.
    fits = [hmac.compare_digest(a, b) for a in expected for b in digests]
    if not any(fits):
        raise Forged("signature_wrong")


def _parts(header: str) -> tuple[int, list[str]]:
    pairs = [part.strip().partition("=") for part in header[:HEADER_MOST].split(",")]
    times = [value for name, _, value in pairs if name == "t" and SECONDS.fullmatch(value)]
    digests = [value for name, _, value in pairs if name == "v1" and DIGEST.fullmatch(value)]
    if len(times) != 1 or not digests:
        raise Forged("signature_missing")
    return int(times[0]), digests


def _digest(secret: str, seconds: int, body: bytes) -> str:
    return hmac.new(secret.encode(), b"%d." % seconds + body, sha256).hexdigest()
