"""Coupons as merchants send them (CONTRACT.md)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StrictBool, StrictInt, StringConstraints

from billing.api.web.queries import InstantOrDate, end_of, start_of
from billing.catalog.web.price_inputs import MoneyInput
from billing.coupons.coupons import (
    CHARGES_MOST,
    CODE_LEAST,
    CODE_MOST,
    LIMITED_TO_MOST,
    USES_MOST,
    Coupon,
    Duration,
)
from billing.kernel.discounts import WHOLE
from billing.kernel.merchants import Merchant
from billing.kernel.money import Money
from billing.web.inputs import Input, Key, different, documented


def _spelled(typed: Any) -> Any:
    return typed.strip().upper() if isinstance(typed, str) else typed


Code = Annotated[
    str,
    BeforeValidator(_spelled),
    StringConstraints(min_length=CODE_LEAST, max_length=CODE_MOST, pattern=r"^[A-Z0-9_-]+$"),
]
"""A coupon's code: capital letters, digits, `-` and `_`; small letters are made capital."""

TypedCode = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)]
"""A code as a buyer typed it: whatever it is, it is known or it is not."""

Ids = Annotated[tuple[Key, ...], Field(max_length=LIMITED_TO_MOST), different]
Uses = Annotated[StrictInt, Field(ge=1, le=USES_MOST)]


class CouponTermsInput(Input):
    """The terms of a coupon: a share of the price in basis points, or an amount, off one payment
    (`once`), off so many (`repeating`, with `charges`), or off all (`forever`).

    A date without a time is a day of your time zone, that of `ends_at` included.
    """

    basis_points: Annotated[StrictInt, documented(1, WHOLE)] | None = None
    amount_off: MoneyInput | None = None
    duration: Duration
    charges: Annotated[StrictInt, Field(ge=1, le=CHARGES_MOST)] | None = None
    applies_to_initial: StrictBool = False
    products: Ids = ()
    price_points: Ids = ()
    starts_at: InstantOrDate | None = None
    ends_at: InstantOrDate | None = None
    max_uses: Uses | None = None
    max_uses_per_customer: Uses | None = None

    def terms(self, merchant: Merchant, code: str, now: datetime) -> Coupon:
        """Returns the coupon that the flow takes; raises `Invalid` for a time that is none."""
        off, zone = self.amount_off, merchant.settings.time_zone
        return Coupon(
            merchant=merchant.id,
            code=code,
            created_at=now,
            duration=self.duration,
            basis_points=self.basis_points,
            amount_off=None if off is None else Money(off.amount, off.currency),
            charges=self.charges,
            applies_to_initial=self.applies_to_initial,
            products=self.products,
            price_points=self.price_points,
            starts_at=_at(start_of, self.starts_at, zone, "starts_at"),
            ends_at=_at(end_of, self.ends_at, zone, "ends_at"),
            max_uses=self.max_uses,
            max_uses_per_customer=self.max_uses_per_customer,
        )


def _at(
    edge: Callable[[str, str, str], datetime], text: str | None, zone: str, field: str
) -> datetime | None:
    return None if text is None else edge(text, zone, field)


class CouponInput(CouponTermsInput):
    """A new coupon: its code and its terms."""

    code: Code

    def coupon(self, merchant: Merchant, now: datetime) -> Coupon:
        """Returns the coupon that the flow takes; raises `Invalid` for a time that is none."""
        return self.terms(merchant, self.code, now)


class PreviewedCouponInput(CouponTermsInput):
    """A coupon to preview, whether or not there is one; its limits do not matter."""

    code: Code = "COUPON"


class CouponChangeInput(Input):
    """Whether a coupon can be used; purchases that have it keep it."""

    active: StrictBool


class UseCouponInput(Input):
    """The code of the coupon to use."""

    coupon: TypedCode
