"""The gateway over a loopback PayPal, and the clock of both."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from billing.gateways.paypal.gateway import PayPalGateway
from dev.paypal.server import Loopback
from tests import paypal as on_loopback
from tests.gateways.paypal.paying import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def paypal(clock: Clock) -> Iterator[Loopback]:
    with on_loopback.loopback(clock) as running:
        yield running


@pytest.fixture
def gateway(paypal: Loopback, clock: Clock) -> PayPalGateway:
    return on_loopback.gateway(paypal, clock)
