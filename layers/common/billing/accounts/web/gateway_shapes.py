"""The shapes of gateway accounts and of arming in /v1 (W-5, W-6)."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from billing.accounts.flows.gateway_accounts import Holding
from billing.kernel.merchants import Merchant
from billing.web.inputs import Input


class RemovalQuery(Input):
    """Options of a removal; `force` gives up what depends on the account."""

    force: Literal["true", "false"] = "false"


class GatewayAccountOutput(TypedDict):
    """A gateway account and what depends on it; `complete` is false where there is more than was
    counted."""

    gateway: str
    id: str
    active: bool
    armed: bool
    live_subscriptions: int
    open_invoices: int
    refundable_payments: int
    complete: bool


class ArmingOutput(TypedDict):
    """The state of this environment: whether charges are made and mails sent."""

    armed: bool
    environment: str


def account(holding: Holding) -> GatewayAccountOutput:
    return {
        "gateway": holding.account.gateway,
        "id": holding.account.id,
        "active": holding.account.active,
        "armed": holding.bound_here,
        "live_subscriptions": holding.live_subscriptions,
        "open_invoices": holding.open_invoices,
        "refundable_payments": holding.refundable_payments,
        "complete": holding.complete,
    }


def arming(merchant: Merchant, environment: str) -> ArmingOutput:
    return {"armed": merchant.armed_in(environment), "environment": environment}
