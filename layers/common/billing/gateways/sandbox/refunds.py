"""The sandbox's refunds: made by us or on its dashboard, and sent back by a bank (W-3, B-7)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from billing.gateways.sandbox import events
from billing.gateways.sandbox.ledger import Row
from billing.kernel.errors import Invalid
from billing.kernel.gateways import DisputeStanding, GatewayRefund, RefundFailed, RefundSucceeded
from billing.kernel.money import Currency, Money

SENT_BACK = "expired_or_canceled_card"
ELSEWHERE = "elsewhere:"
"""Prefix of the keys of refunds that were made without a key."""


def make(
    payment: Row, amount_minor: int, key: str | None, at: datetime
) -> RefundSucceeded | RefundFailed:
    """Refunds money once per key, and never more than was charged."""
    refunds = payment["refunds"]
    if key in refunds:
        return _outcome(refunds[key])
    if payment["state"] != "succeeded":
        return RefundFailed("charge_not_captured")
    if any(each["standing"] == DisputeStanding.OPEN for each in payment["disputes"]):
        return RefundFailed("charge_disputed")
    if events.gone_minor(payment) + amount_minor > payment["amount"]:
        return RefundFailed("charge_already_refunded")
    number = len(refunds) + 1
    refund = {"id": f"re_{payment['id'][3:]}_{number}", "amount": amount_minor}
    refunds[key or f"{ELSEWHERE}{number}"] = refund
    events.note(payment, events.REFUNDED, at)
    return _outcome(refund)


def send_back(payment: Row, refund: str, at: datetime) -> None:
    """Records that the customer's bank cannot take a refund; sent back twice, it came back once."""
    refunds = payment["refunds"]
    key = next((key for key, each in refunds.items() if each["id"] == refund), None)
    if key is None:
        raise Invalid("refund_unknown", field="refund")
    if "failure" not in refunds[key]:
        refunds[key] = {**refunds[key], "failure": SENT_BACK}
        events.note(payment, events.REFUND_FAILED, at)


def found(payment: Row, key: str) -> RefundSucceeded | RefundFailed | None:
    """Returns the outcome of the refund that was made under a key, None if there is none."""
    refund = payment["refunds"].get(key)
    return None if refund is None else _outcome(refund)


def of(payment: Row, ours: Sequence[str]) -> list[GatewayRefund]:
    """Lists all refunds of a payment, oldest first."""
    return [
        GatewayRefund(
            id=refund["id"],
            key=key if key in ours else None,
            amount=Money(refund["amount"], Currency(payment["currency"])),
            outcome=_outcome(refund),
        )
        for key, refund in payment["refunds"].items()
    ]


def _outcome(refund: Row) -> RefundSucceeded | RefundFailed:
    failure = refund.get("failure")
    return RefundFailed(failure) if failure else RefundSucceeded(refund["id"])
