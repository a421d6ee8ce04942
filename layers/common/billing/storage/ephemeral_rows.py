"""Keys and expiry of ephemeral rows, in whole seconds as DynamoDB's TTL counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from billing.storage.addresses import Place

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def epoch_seconds(instant: datetime) -> int:
    """Returns whole seconds since 1970, rounded down: a row expires rather too early than too
    late."""
    return (instant - EPOCH) // timedelta(seconds=1)


def is_gone(expires_at: int, now: datetime) -> bool:
    return expires_at <= epoch_seconds(now)


def value_place(kind: str, key: str) -> Place:
    return Place(f"{kind}#{key}", "VALUE")


def hits_place(kind: str, key: str, window: timedelta, now: datetime) -> tuple[Place, datetime]:
    """Returns the key that counts the hits of the window around `now`, and the end of that
    window."""
    n = (now - EPOCH) // window
    place = Place(f"{kind}#{key}", f"HITS#{window // timedelta(seconds=1)}#{n}")
    return place, EPOCH + (n + 1) * window
