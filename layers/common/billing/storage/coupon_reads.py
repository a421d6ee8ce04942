"""Reads of a merchant's coupons and their uses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from billing.storage import coupon_keys
from billing.storage.items import Items

if TYPE_CHECKING:
    from billing.coupons.coupons import Coupon, CouponUse


class CouponReads:
    """The questions of the Store port about one merchant's coupons."""

    _items: Items

    def coupon(self, merchant: str, code: str) -> Coupon | None:
        """Get M#<merchant>#COUPONS <code>."""
        return self._items.get(coupon_keys.coupon(merchant, code))

    def coupons(self, merchant: str, *, limit: int, after: str | None = None) -> list[Coupon]:
        """Query M#<merchant>#COUPONS, in order, behind a code."""
        found = self._items.query(coupon_keys.coupons(merchant, after), limit=limit + 1)
        return [each for each in found if each.code != after][:limit]

    def coupon_uses_of(self, merchant: str, subject: str, limit: int) -> list[CouponUse]:
        """Query M#<merchant>#U#<subject hash> COUPON#*."""
        return self._items.query(coupon_keys.coupon_uses_of(merchant, subject), limit=limit)

    def coupon_uses(
        self, merchant: str, code: str, subjects: Sequence[str]
    ) -> list[CouponUse | None]:
        """Batch get of M#<merchant>#U#<subject hash> COUPON#<code>."""
        return self._items.get_many([coupon_keys.coupon_use(merchant, code, s) for s in subjects])
