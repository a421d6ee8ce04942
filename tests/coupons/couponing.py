"""A merchant with coupons, in the tests' world."""

from __future__ import annotations

from typing import Any

from billing.coupons.coupons import Coupon, Duration
from billing.coupons.flows import coupons
from billing.kernel.invoices import Invoice
from billing.kernel.money import Currency, Money
from tests.world import World


def usd(amount_minor: int) -> Money:
    return Money(amount_minor, Currency.USD)


def coupon(world: World, code: str = "SPRING", **fields: Any) -> Coupon:
    """Makes a coupon of the world's merchant: once, a quarter off, unless told otherwise."""
    if "amount_off" not in fields:
        fields.setdefault("basis_points", 2500)
    fields.setdefault("duration", Duration.ONCE)
    made = Coupon("acme", code, world.now, **fields)
    return coupons.create(world.ports, world.merchant, made)


def uses(world: World, code: str = "SPRING") -> int:
    found = world.store.coupon("acme", code)
    assert found is not None
    return found.uses


def charged(world: World) -> list[int]:
    return [c["amount"]["amount"] for c in world.charges() if c["status"] == "succeeded"]


def lines(invoice: Invoice) -> list[tuple[str, int, str | None]]:
    return [(line.kind, line.amount.amount_minor, line.coupon) for line in invoice.lines]
