"""Limits of a checkout: requests of one address, questions about one email."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256

from billing.kernel.errors import TooMany
from billing.kernel.ports import Ports

LIMIT_WINDOW = timedelta(minutes=15)


def limit(ports: Ports, kind: str, subject: str, most: int, now: datetime) -> None:
    """Raises `TooMany` where a subject has asked more than `most` times in a quarter of an hour."""
    if not ports.operation.limits:
        return
    digest = sha256(subject.encode()).hexdigest()
    if ports.ephemeral.hit(kind, digest, window=LIMIT_WINDOW, now=now) > most:
        raise TooMany()
