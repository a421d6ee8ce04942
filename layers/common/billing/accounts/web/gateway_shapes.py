"""The shapes of gateway accounts and of arming in /v1 (W-5, W-6)."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from billing.accounts.flows.gateway_accounts import Holding
from billing.api.web.described import Instant
from billing.api.web.json_shapes import instant
from billing.gateway_events.flows.health import Health
from billing.gateway_events.health import Noted
from billing.kernel.merchants import Merchant
from billing.web.inputs import Input


class RemovalQuery(Input):
    """Options of a removal; `force` gives up what depends on the account."""

    force: Literal["true", "false"] = "false"


class NotedOutput(TypedDict):
    """The last event of an account, by its type, or the last refusal, by its reason; to the
    hour."""

    what: str
    at: Instant


class GatewayAccountOutput(TypedDict):
    """A gateway account and what depends on it; `complete` is false where there is more than was
    counted.

    `last_event` is the last webhook that arrived. `last_refusal` is the last that was refused, of
    any of your accounts at the gateway: nobody knows which of them sent it.
    """

    gateway: str
    id: str
    active: bool
    armed: bool
    live_subscriptions: int
    open_invoices: int
    refundable_payments: int
    complete: bool
    last_event: NotedOutput | None
    last_refusal: NotedOutput | None


class ArmingOutput(TypedDict):
    """The state of this environment: whether charges are made and mails sent."""

    armed: bool
    environment: str


def account(holding: Holding, health: Health) -> GatewayAccountOutput:
    return {
        "gateway": holding.account.gateway,
        "id": holding.account.id,
        "active": holding.account.active,
        "armed": holding.bound_here,
        "live_subscriptions": holding.live_subscriptions,
        "open_invoices": holding.open_invoices,
        "refundable_payments": holding.refundable_payments,
        "complete": holding.complete,
        "last_event": _noted(health.event),
        "last_refusal": _noted(health.refusal),
    }


def _noted(noted: Noted | None) -> NotedOutput | None:
    return None if noted is None else {"what": noted.what, "at": instant(noted.at)}


def arming(merchant: Merchant, environment: str) -> ArmingOutput:
    return {"armed": merchant.armed_in(environment), "environment": environment}
