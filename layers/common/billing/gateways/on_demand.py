"""A gateway that loads its SDK with the first request.

Properties that need no request, such as the least amount that it charges, do not add the SDK's 300
ms to a cold start.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, cast

from billing.kernel.gateway_port import Gateway
from billing.kernel.gateways import AccountRef, Capabilities


class OnDemand:
    """A `ports.Gateway` that opens the real one with `make` on the first call."""

    def __init__(
        self, account: AccountRef, capabilities: Capabilities, make: Callable[[], Gateway]
    ) -> None:
        self.name = account.gateway
        self.account = account.account
        self.capabilities = capabilities
        self._make = cache(make)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._make(), name)


def on_demand(
    account: AccountRef, capabilities: Capabilities, make: Callable[[], Gateway]
) -> Gateway:
    """Returns the gateway of an account, not opened yet."""
    return cast(Gateway, OnDemand(account, capabilities, make))
