"""Keys of a merchant's coupons and their uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.storage.addresses import EVERYTHING, Key, Partition, SortKeyRange

if TYPE_CHECKING:
    from billing.coupons.coupons import Coupon, CouponUse


def coupons(merchant: str, after: str | None = None) -> Partition[Coupon]:
    """Returns where a merchant's coupons are, in order of their codes, from one on."""
    between = EVERYTHING if after is None else SortKeyRange(after, EVERYTHING.high)
    return Partition(f"M#{merchant}#COUPONS", between)


def coupon(merchant: str, code: str) -> Key[Coupon]:
    return Key(f"M#{merchant}#COUPONS", code)


def coupon_uses_of(merchant: str, subject: str) -> Partition[CouponUse]:
    """Returns where the uses of one person are."""
    return Partition(f"M#{merchant}#U#{subject}", SortKeyRange.of("COUPON#"))


def coupon_use(merchant: str, code: str, subject: str) -> Key[CouponUse]:
    return Key(f"M#{merchant}#U#{subject}", f"COUPON#{code}")
