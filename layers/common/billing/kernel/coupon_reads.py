"""The part of the storage port about a merchant's coupons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from billing.coupons.coupons import Coupon, CouponUse


class CouponParts(Protocol):
    """The questions about coupons and their uses; `Store` has them too."""

    def coupon(self, merchant: str, code: str) -> Coupon | None: ...
    def coupons(self, merchant: str, *, limit: int, after: str | None = None) -> list[Coupon]:
        """A merchant's coupons in order of their codes, behind one of them."""
        ...

    def coupon_uses_of(self, merchant: str, subject: str, limit: int) -> list[CouponUse]:
        """The uses of all coupons by a person who is known by this hash."""
        ...

    def coupon_uses(
        self, merchant: str, code: str, subjects: Sequence[str]
    ) -> list[CouponUse | None]:
        """The uses of a coupon by a person, for each of the hashes that they are known by."""
        ...
