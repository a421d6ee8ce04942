"""Readers of a PayPal order: its status, its buyer's page, its refunds (W-2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from billing.kernel.errors import HeldBack, NotFound, Unreachable
from billing.kernel.gateways import (
    ActionRequired,
    Canceled,
    Declined,
    GatewayRefund,
    PaymentStatus,
    RefundFailed,
    RefundSucceeded,
    Succeeded,
    Unconfirmed,
)
from billing.kernel.money import MINOR_DIGITS, Currency, Money
from billing.kernel.values import Value, replace

Json = Mapping[str, Any]

REUSED_WITHIN = timedelta(minutes=25)
CAPTURED_WITHIN = timedelta(minutes=30)
WITHDRAWN_AFTER = timedelta(minutes=45)
KEPT_FOR = timedelta(hours=3)
"""The time after which PayPal forgets an order that was not captured; it must know a younger
one."""

MONEY_MOVED = frozenset({"COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED"})
NOT_MOVED = frozenset({"DECLINED", "FAILED"})
ON_ITS_WAY = frozenset({"COMPLETED", "PENDING"})


class Reference(Value):
    """A payment's reference: its order and when we asked for it, `<order id>.<seconds>`.

    The time is our clock's, and is kept on the order too, as its `custom_id`.
    """

    order: str
    asked_at: datetime

    def __str__(self) -> str:
        return f"{self.order}.{int(self.asked_at.timestamp())}"

    @classmethod
    def read(cls, text: str) -> Reference:
        """Parses a reference; raises `NotFound` for one that was never ours."""
        order, _, seconds = text.rpartition(".")
        if not (order.isascii() and order.isalnum() and seconds.isdigit() and len(seconds) <= 10):
            raise NotFound("payment_unknown")
        return cls(order, datetime.fromtimestamp(int(seconds), UTC))

    @classmethod
    def of(cls, order: Json) -> Reference:
        """Returns the reference of an order that we made."""
        return cls.read(f"{order['id']}.{_unit(order).get('custom_id', '')}")


def status_of(order: Json) -> PaymentStatus:
    """Maps an order to its payment status; raises `HeldBack` while its money is in between."""
    captures = _payments(order, "captures")
    captured = next((c for c in captures if c.get("status") in MONEY_MOVED), None)
    if captured is not None:
        return Succeeded(str(captured["id"]))
    if any(c.get("status") not in NOT_MOVED for c in captures):
        raise HeldBack("PayPal holds the payment back; it is neither made nor refused.")
    return Declined("card_declined") if captures else _uncaptured(order)


def was_refused(order: Json) -> bool:
    """Tells whether the one capture of an order was made and refused: another attempt on the order
    would only be told of that (ORDER_ALREADY_CAPTURED)."""
    captures = _payments(order, "captures")
    refused = all(capture.get("status") in NOT_MOVED for capture in captures)
    return order.get("status") == "COMPLETED" and bool(captures) and refused


def _uncaptured(order: Json) -> PaymentStatus:
    match order.get("status"):
        case "PAYER_ACTION_REQUIRED":
            return ActionRequired(buyer_url(order))
        case "VOIDED":
            return Canceled()
        case "CREATED" | "SAVED" | "APPROVED":
            return Unconfirmed()
        case status:
            raise Unreachable(f"PayPal calls the order {status}, and names no capture.")


def capture_of(order: Json) -> str | None:
    """Returns the id of the capture that moved the money."""
    found = (c for c in _payments(order, "captures") if c.get("status") in MONEY_MOVED)
    return next((str(capture["id"]) for capture in found), None)


def refunds(order: Json, ours: Mapping[str, str]) -> list[GatewayRefund]:
    """Lists the refunds of an order, oldest first.

    `ours` are our keys by the invoice ids that they are sent as. Raises `Unreachable` for one
    without an amount.
    """
    made = _payments(order, "refunds")
    if not all("amount" in refund for refund in made):
        raise Unreachable("PayPal names a refund without its amount.")
    return [
        GatewayRefund(
            id=str(refund["id"]),
            key=ours.get(str(refund.get("invoice_id"))),
            amount=money(refund["amount"]),
            outcome=refund_outcome(refund),
        )
        for refund in sorted(made, key=lambda each: str(each.get("create_time", "")))
    ]


def refund_outcome(refund: Json) -> RefundSucceeded | RefundFailed:
    """Maps a refund to its outcome.

    One that was pending may fail, paid by eCheck for one
    (https://developer.paypal.com/api/payments/v2/definitions/refund_status).
    """
    if refund.get("status") in ON_ITS_WAY:
        return RefundSucceeded(str(refund["id"]))
    return RefundFailed("refund_failed")


FOR_THE_BUYER = frozenset({"payer-action", "approve"})


def has_buyer_url(answer: Json) -> bool:
    """Tells whether PayPal names the page that the buyer goes to."""
    return any(link.get("rel") in FOR_THE_BUYER for link in answer.get("links", ()))


def buyer_url(answer: Json) -> str:
    """Returns the page on which the buyer approves; raises `Unreachable` when PayPal names none."""
    for link in answer.get("links", ()):
        if link.get("rel") in FOR_THE_BUYER:
            return str(link["href"])
    raise Unreachable("PayPal wants the buyer and does not say where.")


def amount_of(order: Json) -> Money:
    """Returns the amount of an order."""
    return money(_unit(order)["amount"])


def kept_of(order: Json) -> Money:
    """Returns what refunds have left of a captured order, those that are on their way included."""
    paid = amount_of(order)
    made = (each for each in refunds(order, {}) if isinstance(each.outcome, RefundSucceeded))
    given_back = sum(each.amount.amount_minor for each in made)
    return replace(paid, amount_minor=max(0, paid.amount_minor - given_back))


def money(amount: Json) -> Money:
    """Converts PayPal's decimal string to minor units; raises `Unreachable` if not exact."""
    units, _, fraction = str(amount["value"]).partition(".")
    if not units.isdigit() or len(fraction) > MINOR_DIGITS or not (fraction or "0").isdigit():
        raise Unreachable("PayPal names an amount that is none.")
    return Money(int(units + fraction.ljust(MINOR_DIGITS, "0")), Currency(amount["currency_code"]))


def decimal(amount: Money) -> dict[str, str]:
    """Formats an amount as PayPal writes it; all of our currencies have two decimals (P-20)."""
    units, cents = divmod(amount.amount_minor, 10**MINOR_DIGITS)
    return {"currency_code": amount.currency.value, "value": f"{units}.{cents:0{MINOR_DIGITS}d}"}


def _unit(order: Json) -> Json:
    units = order.get("purchase_units") or [{}]
    return units[0]  # type: ignore[no-any-return]


def _payments(order: Json, kind: str) -> list[Json]:
    return list(_unit(order).get("payments", {}).get(kind, ()))
