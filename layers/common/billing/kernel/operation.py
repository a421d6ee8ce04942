"""What the operator of the whole installation says and sees, beside any merchant (R-3, R-9)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from billing.kernel.due import DueKind

PARKED_AFTER = 5
"""So many failures by an error of our own, one after the other, and a person must look (R-9)."""

FORGOTTEN_AFTER = timedelta(hours=2)
"""A lease comes back every quarter of an hour: what did not fail for so long does not fail."""


@dataclass(frozen=True, slots=True)
class BillingSwitch:
    """Whether every charge of every merchant is stopped by hand; without one, nothing is (R-3)."""

    paused: bool
    reason: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class ProcessingFailure:
    """Work that failed by an error of our own, `times` in a row; `owner` is that of its alarm.

    `error` is the name of the error's class: what it says may hold what no list should show.
    """

    merchant: str
    kind: DueKind
    owner: tuple[str, ...]
    error: str
    first_at: datetime
    last_at: datetime
    times: int = 1

    def again(self, error: str, now: datetime) -> ProcessingFailure:
        """Once more; after a time without it, for the first time."""
        if now - self.last_at > FORGOTTEN_AFTER:
            return replace(self, error=error, first_at=now, last_at=now, times=1)
        return replace(self, error=error, last_at=now, times=self.times + 1)

    def is_parked(self, now: datetime) -> bool:
        """Whether it needs a person: it failed five times, and still does (R-9)."""
        return self.times >= PARKED_AFTER and now - self.last_at <= FORGOTTEN_AFTER


@dataclass(frozen=True, slots=True)
class Operation:
    """The operator's settings that flows look at; everything else is the merchant's.

    `environment` is where this runs, which gateway accounts are bound to (W-5). `lease_seconds` is
    longer than a worker can live. `shards` may only grow. `platform` is the merchant whose products
    are the plans of accounts, empty where there are no accounts (A-1).
    """

    public_url: str
    sender: str = "billing@example.com"
    shards: int = 4
    billing_paused: bool = False
    environment: str = "local"
    limits: bool = True
    platform: str = ""
    lease_seconds: int = 900
    checkout_hours: int = 1
    gateway_calls_per_second: int = 25

    @property
    def lease(self) -> timedelta:
        return timedelta(seconds=self.lease_seconds)
