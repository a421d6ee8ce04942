"""The rules for the terms of a new coupon (C-8)."""

from __future__ import annotations

from billing.coupons.coupons import Coupon, Duration
from billing.kernel.discounts import WHOLE
from billing.kernel.errors import Invalid
from billing.kernel.money import MAX_AMOUNT_MINOR, Currency, Money


def check(coupon: Coupon, currency: Currency) -> Coupon:
    """Returns a valid coupon of a merchant with that currency; raises `Invalid`."""
    if (coupon.basis_points is None) == (coupon.amount_off is None):
        raise Invalid("coupon_one_discount", field="basis_points")
    if coupon.basis_points is not None and not 1 <= coupon.basis_points <= WHOLE:
        raise Invalid("out_of_range", field="basis_points", least=1, most=WHOLE)
    off = coupon.amount_off
    if off is not None and off.currency is not currency:
        raise Invalid("currency", field="amount_off.currency", currency=currency)
    if off is not None and not 1 <= off.amount_minor <= MAX_AMOUNT_MINOR:
        raise Invalid(
            "amount_out_of_range",
            field="amount_off.amount",
            least=Money(1, currency),
            most=Money(MAX_AMOUNT_MINOR, currency),
        )
    if (coupon.charges is not None) != (coupon.duration is Duration.REPEATING):
        raise Invalid("coupon_charges", field="charges")
    if coupon.starts_at and coupon.ends_at and coupon.ends_at <= coupon.starts_at:
        raise Invalid("span_reversed", field="ends_at")
    return coupon
