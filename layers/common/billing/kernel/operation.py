"""Settings and records of the operator of the whole installation (R-3, R-9)."""

from __future__ import annotations

from datetime import datetime, timedelta

from billing.kernel.due import DueKind
from billing.kernel.values import Value, replace
from billing.kernel.writes import Entity

ACCOUNT_GRANT = "account"
"""The grant that a product of the platform gives which is a plan of an account (A-1)."""

PARKED_AFTER = 5
"""After so many failures in a row through an error of our own, a person must look (R-9)."""

FORGOTTEN_AFTER = timedelta(hours=2)
"""A job with no failure for this long counts as working again: leases return every 15 minutes."""


CALLS_PER_RENEWAL = 2
"""A renewal's calls of its gateway: a payment is prepared, and confirmed."""


class BillingSwitch(Entity):
    """The operator's switch that stops all charges of all merchants; without one, nothing stops
    (R-3)."""

    paused: bool
    reason: str
    changed_at: datetime


class ProcessingFailure(Entity):
    """A job that failed through an error of our own, `times` in a row.

    `owner` is the owner of its due date (`storage.Due`). `error` is the name of the error's class
    only: its message may hold what no list should show.
    """

    merchant: str
    kind: DueKind
    owner: tuple[str, ...]
    error: str
    first_at: datetime
    last_at: datetime
    times: int = 1

    def again(self, error: str, now: datetime) -> ProcessingFailure:
        """Counts one more failure; after a long time without one, counting starts anew."""
        if now - self.last_at > FORGOTTEN_AFTER:
            return replace(self, error=error, first_at=now, last_at=now, times=1)
        return replace(self, error=error, last_at=now, times=self.times + 1)

    def is_parked(self, now: datetime) -> bool:
        """True if it needs a person: it failed five times or more, and recently (R-9)."""
        return self.times >= PARKED_AFTER and now - self.last_at <= FORGOTTEN_AFTER


class Operation(Value):
    """The operator's settings that flows use; all other settings are the merchant's.

    `environment` is the name that gateway accounts are bound to (W-5). `lease_seconds` is longer
    than a worker can run. `shards` may only grow. `platform` is the merchant whose products are the
    plans of accounts, empty where there are no accounts (A-1). `trusted_proxies` is the number of
    proxies in front of the API, whose word about a visitor's address is taken. For
    `directory_seconds` a process shows the directory as it read it. `gateway_calls_per_second` are
    those of one of the `charge_workers` that charge at the same time. `local_receivers` lets
    webhooks go to this very machine, without TLS: `make run` alone allows it.
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
    trusted_proxies: int = 0
    directory_seconds: int = 60
    charge_workers: int = 1
    local_receivers: bool = False

    @property
    def renewals_per_second(self) -> float:
        """Returns how many renewals all workers charge in a second, if the gateways take them."""
        return self.charge_workers * self.gateway_calls_per_second / CALLS_PER_RENEWAL

    @property
    def lease(self) -> timedelta:
        return timedelta(seconds=self.lease_seconds)

    @property
    def directory_life(self) -> timedelta:
        return timedelta(seconds=self.directory_seconds)
