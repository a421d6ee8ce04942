"""Calls of a gateway on its bench, each with the keys of one run."""

from __future__ import annotations

import pytest

from billing.kernel.gateways import (
    ChargeOrder,
    Declined,
    Outcome,
    PaymentStatus,
    RefundFailed,
    RefundSucceeded,
    SavedMethod,
    Unconfirmed,
)
from billing.kernel.money import Currency, Money
from tests.gateways.benches import Bench

USD = Currency.USD
RETURN = "https://pay.example.com/return"


def save(bench: Bench, card: str = "pm_card_visa", *, beside: str | None = None) -> str:
    kept = tried(bench, card, beside=beside)
    assert isinstance(kept, SavedMethod)
    return kept.token


def tried(bench: Bench, card: str, *, beside: str | None = None) -> SavedMethod | Declined:
    key, token = bench.key(f"save:{card}:{beside}"), bench.token(card)
    if token is None:
        pytest.skip("nobody pays like that here")
    return bench.gateway.save_method(token, owner="cus_1", key=key, verify=False, beside=beside)


def prepare(
    bench: Bench,
    method: str,
    name: str = "sub_1.0001",
    amount_minor: int = 2999,
    *,
    key: str | None = None,
) -> str:
    invoice = bench.key(name)
    amount = Money(amount_minor, USD)
    order = ChargeOrder(invoice, amount, bench.gateway.account, "Course", method)
    return bench.gateway.prepare(order, key=invoice if key is None else bench.key(key))


def confirm(
    bench: Bench, reference: str, method: str, attempt: str, *, present: bool = False
) -> Outcome:
    return bench.gateway.confirm(
        reference,
        method,
        key=bench.key(attempt),
        off_session=not present,
        return_url=RETURN if present else None,
    )


def look(bench: Bench, reference: str, attempt: str) -> PaymentStatus:
    return bench.gateway.lookup(reference, attempt_key=bench.key(attempt))


def look_again(bench: Bench, reference: str, method: str, attempt: str) -> PaymentStatus:
    """Returns the outcome of an attempt.

    Where only the attempt's key tells, it confirms once more under it.
    """
    found = look(bench, reference, attempt)
    if bench.tells_attempts_apart:
        return found
    assert found == Unconfirmed()
    return confirm(bench, reference, method, attempt)


def refund(bench: Bench, reference: str, amount: int, name: str) -> RefundSucceeded | RefundFailed:
    return bench.gateway.refund(reference, Money(amount, USD), key=bench.key(name))
