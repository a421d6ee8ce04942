"""Payments in the sandbox's ledger: confirmed, withdrawn, authenticated, listed (W-3).

Each function changes a row of the ledger, which the gateway writes back.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from urllib.parse import urljoin

from billing.gateways.sandbox import events
from billing.gateways.sandbox.cards import TestCard
from billing.gateways.sandbox.ledger import Row
from billing.kernel.gateways import (
    ActionRequired,
    Canceled,
    Declined,
    Outcome,
    PaymentStatus,
    Succeeded,
    Unconfirmed,
)
from billing.kernel.values import Value


class PendingAuthentication(Value):
    """A payment that waits for its buyer; the amount in minor units."""

    amount_minor: int
    currency: str


def confirm(
    payment: Row, card: TestCard, key: str, return_url: str | None, at: datetime
) -> Outcome:
    """Charges the card once per key; a payment that succeeded stays so whatever the key."""
    if payment["state"] == "requires_action" and return_url is not None:
        payment["return_url"] = return_url  # the same attempt, now with its buyer
    if payment["state"] in {"succeeded", "cancelled"} or key in payment["attempts"]:
        # The buyer of an off-session attempt is here now, and has somewhere to return to.
        payment["return_url"] = return_url or payment.get("return_url")
        return status_of(payment, key)  # type: ignore[return-value]
    if card.authenticates:
        payment["state"] = "requires_action"
        payment["return_url"] = return_url
        payment["attempts"][key] = {"requires_action": True}
        events.note(payment, events.REQUIRES_ACTION, at)
    else:
        _settle(payment, key, card.decline, at)
    return status_of(payment, key)  # type: ignore[return-value]


def withdraw(payment: Row, at: datetime) -> PaymentStatus:
    """Withdraws a payment unless it succeeded."""
    if payment["state"] not in {"succeeded", "cancelled"}:
        payment["state"] = "cancelled"
        events.note(payment, events.CANCELED, at)
    return status_of(payment, "")


def authenticate(payment: Row, at: datetime, *, succeeded: bool) -> str | None:
    """Records the buyer's answer on the bank's page; returns the address to go back to."""
    if payment["state"] == "requires_action":
        asked = [k for k, a in payment["attempts"].items() if "requires_action" in a]
        decline = None if succeeded else Declined("authentication_required")
        _settle(payment, asked[-1], decline, at)
    return payment.get("return_url")


def _settle(payment: Row, key: str, decline: Declined | None, at: datetime) -> None:
    charge = f"ch_{payment['id'][3:]}_{len(payment['charges']) + 1}"
    status = "declined" if decline else "succeeded"
    payment["state"] = "unconfirmed" if decline else "succeeded"
    payment["attempts"][key] = (
        {"decline": decline.code, "retryable": decline.retryable} if decline else {"charge": charge}
    )
    payment["charges"].append({"id": charge, "status": status, "at": at.isoformat()})
    events.note(payment, events.FAILED if decline else events.SUCCEEDED, at)


def charges(rows: Iterable[Row], gateway: str) -> list[dict[str, Any]]:
    """Lists the charges that really happened, newest first, in CONTRACT.md's shape."""
    return sorted(
        (
            {
                "id": charge["id"],
                "gateway": gateway,
                "invoice": payment["invoice"],
                "amount": {"amount": payment["amount"], "currency": payment["currency"]},
                "refunded": _refunded_minor(payment, charge),
                "status": _status(payment, charge),
                "at": charge["at"].replace("+00:00", "Z"),
            }
            for payment in events.payments(rows)
            for charge in payment["charges"]
        ),
        key=lambda charge: (charge["at"], charge["id"]),
        reverse=True,
    )


def _refunded_minor(payment: Row, charge: Row) -> int:
    if charge["status"] != "succeeded":
        return 0
    return events.refunded_minor(payment)


def _status(payment: Row, charge: Row) -> str:
    whole = _refunded_minor(payment, charge) == payment["amount"]
    return "refunded" if whole and charge["status"] == "succeeded" else str(charge["status"])


def status_of(payment: Row, key: str) -> PaymentStatus:
    """Returns the status of a payment for the attempt of a key."""
    if payment["state"] == "succeeded":
        return Succeeded(next(c["id"] for c in payment["charges"] if c["status"] == "succeeded"))
    if payment["state"] == "cancelled":
        return Canceled()
    attempt = payment["attempts"].get(key)
    if attempt is None:
        return Unconfirmed()
    if "decline" in attempt:
        return Declined(attempt["decline"], attempt["retryable"])
    return ActionRequired(
        urljoin(payment.get("return_url") or "", f"/sandbox/authenticate/{payment['id']}")
    )
