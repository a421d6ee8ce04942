"""One-time codes by time (RFC 6238), and the backup codes for a lost telephone (M-9).

The code is HMAC-SHA-1 over the number of 30-second steps since 1970, cut to six digits (RFC 4226,
5.3), as every authenticator app computes it.
"""

from __future__ import annotations

import hmac
from base64 import b32decode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256

STEP = timedelta(seconds=30)
DIGITS = 6
DRIFT = 1
"""The steps before and after the present one whose codes are taken: clocks differ."""

BACKUP_CODES = 10
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def step_at(now: datetime) -> int:
    """Returns the number of the step of an instant."""
    return (now - EPOCH) // STEP


def code(secret: str, step: int, *, digits: int = DIGITS) -> str:
    """Returns the code of a step; `secret` is in base 32."""
    digest = hmac.digest(b32decode(secret), step.to_bytes(8, "big"), "sha1")
    at = digest[-1] & 0xF
    number = int.from_bytes(digest[at : at + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**digits:0{digits}}"


def step_of(secret: str, given: str, *, after: int, now: datetime) -> int | None:
    """Returns the step whose code was given, None if it is no code of about now.

    Only steps behind `after` count: a code is good once.
    """
    digits = "".join(given.split())
    here = step_at(now)
    for step in range(here - DRIFT, here + DRIFT + 1):
        if step > after and hmac.compare_digest(code(secret, step).encode(), digits.encode()):
            return step
    return None


def backup_hash(person: str, given: str) -> str:
    """Returns the stored form of a backup code, however it was typed; 80 random bits need no slow
    hash."""
    plain = "".join(c for c in given.lower() if c.isalnum())
    return sha256(f"backup\n{person}\n{plain}".encode()).hexdigest()[:32]


def without(codes: Sequence[str], used: str) -> tuple[str, ...] | None:
    """Returns the hashes left after one backup code was used, None if it is none of them."""
    left = tuple(each for each in codes if not hmac.compare_digest(each, used))
    return left if len(left) < len(codes) else None


def in_groups(secret: str) -> str:
    """Returns a secret as it is typed by hand: in groups of four."""
    return " ".join(secret[n : n + 4] for n in range(0, len(secret), 4))
