"""The gateways that a merchant can sell at, and what each cannot charge (P-17)."""

from __future__ import annotations

from billing.console.web.pages import Desk
from billing.kernel.errors import NotFound
from billing.kernel.gateways import SANDBOX
from billing.kernel.values import Value


class GatewayChoice(Value):
    """A gateway to choose; `cannot` are the types of price that it cannot charge."""

    name: str
    test: bool
    cannot: tuple[str, ...]
    cannot_take: bool


def gateways(desk: Desk) -> tuple[GatewayChoice, ...]:
    """Lists the gateways with an active account, and the sandbox."""
    merchant, ports = desk.session.merchant, desk.ports
    names = dict.fromkeys(account.gateway for account in merchant.gateway_accounts)
    found = []
    for name in (*names, SANDBOX):
        try:
            capabilities = ports.gateway(merchant.account_at(name)).capabilities
        except NotFound:
            continue  # an account that is no longer active
        found.append(
            GatewayChoice(
                name,
                capabilities.test,
                tuple(sorted(capabilities.cannot_charge)),
                merchant.settings.currency in capabilities.cannot_take,
            )
        )
    return tuple(found)
