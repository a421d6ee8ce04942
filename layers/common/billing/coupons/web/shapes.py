"""Coupons as /v1 shows them (CONTRACT.md)."""

from __future__ import annotations

from typing import Annotated

from typing_extensions import TypedDict

from billing.api.web.described import Instant, OneOf
from billing.api.web.json_shapes import MoneyOutput, instant, money
from billing.coupons.coupons import Coupon, Duration


class CouponOutput(TypedDict):
    """A coupon; `uses` counts purchases that were paid with it, or are just being paid."""

    code: str
    basis_points: int | None
    amount_off: MoneyOutput | None
    duration: Annotated[str, OneOf(Duration)]
    charges: int | None
    applies_to_initial: bool
    products: list[str]
    price_points: list[str]
    starts_at: Instant | None
    ends_at: Instant | None
    max_uses: int | None
    max_uses_per_customer: int | None
    active: bool
    uses: int
    created_at: Instant


def coupon(coupon: Coupon) -> CouponOutput:
    off = coupon.amount_off
    return {
        "code": coupon.code,
        "basis_points": coupon.basis_points,
        "amount_off": None if off is None else money(off),
        "duration": coupon.duration.value,
        "charges": coupon.charges,
        "applies_to_initial": coupon.applies_to_initial,
        "products": list(coupon.products),
        "price_points": list(coupon.price_points),
        "starts_at": instant(coupon.starts_at),
        "ends_at": instant(coupon.ends_at),
        "max_uses": coupon.max_uses,
        "max_uses_per_customer": coupon.max_uses_per_customer,
        "active": coupon.active,
        "uses": coupon.uses,
        "created_at": instant(coupon.created_at),
    }
