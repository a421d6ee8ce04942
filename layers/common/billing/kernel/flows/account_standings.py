"""Reads what the state of a seller's account follows from (A-5 .. A-7)."""

from __future__ import annotations

from datetime import datetime, timedelta

from billing.kernel.account_standings import AccountStanding, standing_of
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports

NOBODY = "nobody"
"""Read for who has bought nothing, so that this takes as long."""


def of_owner(
    ports: Ports, platform: Merchant, email: str, created_at: datetime, *, now: datetime
) -> AccountStanding:
    """Returns the state of the account that was made at `created_at` for an email, from what its
    owner has bought at the platform."""
    customer = ports.store.customer_by_email(platform.id, email)
    owner = (platform.id, customer or NOBODY)
    retention = timedelta(days=platform.settings.accounts.retention_days)
    bought = ports.store.entitlements(*owner), ports.store.subscriptions_of(*owner)
    return standing_of(created_at, *bought, retention, now)
