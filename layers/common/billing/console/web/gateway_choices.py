"""The gateways that a merchant can sell at, and what each cannot charge (P-17)."""

from __future__ import annotations

from billing.console.web.pages import Desk
from billing.kernel.errors import NotFound
from billing.kernel.gateways import SANDBOX
from billing.kernel.values import Value


class GatewayChoice(Value):
    """A gateway to choose; `cannot` are the types of price that it cannot charge.

    One without an active account is there only for a product that has it already.
    """

    name: str
    test: bool
    cannot: tuple[str, ...]
    cannot_take: bool
    is_active: bool = True


def gateways(desk: Desk, held: tuple[str, ...] = ()) -> tuple[GatewayChoice, ...]:
    """Lists the gateways with an active account, the sandbox, and those that a product has."""
    merchant = desk.session.merchant
    names = dict.fromkeys(account.gateway for account in merchant.gateway_accounts)
    choices = [_choice(desk, name) for name in dict.fromkeys((*names, SANDBOX, *held))]
    return tuple(each for each in choices if each.is_active or each.name in held)


def _choice(desk: Desk, name: str) -> GatewayChoice:
    merchant = desk.session.merchant
    try:
        can = desk.ports.gateway(merchant.account_at(name)).capabilities
    except NotFound:
        return GatewayChoice(name, False, (), False, is_active=False)
    cannot_take = merchant.settings.currency in can.cannot_take
    return GatewayChoice(name, can.test, tuple(sorted(can.cannot_charge)), cannot_take)
