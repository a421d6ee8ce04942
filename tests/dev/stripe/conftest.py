"""A loopback of its own for each test, and the official SDK talking to it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import stripe

from dev.stripe.server import Loopback
from dev.stripe.service import Account

KEY = "sk_test_loopback"


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 31, 15, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def loopback(clock: Clock) -> Iterator[Loopback]:
    with Loopback(clock=clock) as running:
        running.open_account(Account("acct_1", KEY))
        yield running


@pytest.fixture
def client(loopback: Loopback) -> stripe.StripeClient:
    return client_of(loopback)


def client_of(loopback: Loopback, key: str = KEY) -> stripe.StripeClient:
    return stripe.StripeClient(key, base_addresses={"api": loopback.url}, max_network_retries=0)
