"""Uses of coupons: looked up, taken with what pays, given back where nothing was paid (C-8)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from billing.coupons import coupons
from billing.coupons.coupons import Coupon, CouponUse
from billing.kernel.errors import Conflict, Refused
from billing.kernel.money import Currency
from billing.kernel.ports import Ports
from billing.kernel.writes import Transaction

T = TypeVar("T")

TRIES = 8
"""The most tries of a write with a coupon that many use at once: each time somebody else was
first, so that somebody has bought."""


def usable(
    ports: Ports,
    merchant: str,
    typed: str,
    *,
    product: str,
    price_point: str,
    currency: Currency,
    now: datetime,
) -> Coupon:
    """Returns the coupon of a code that may be used for a price now; raises `Refused` as
    `coupons.refuse` does."""
    code = coupons.code_of(typed)
    found = None if code is None else ports.store.coupon(merchant, code)
    return coupons.refuse(found, product, price_point, currency, now)


def taken(ports: Ports, merchant: str, code: str, people: Sequence[str]) -> Transaction:
    """Returns the writes that take a use for one person; raises `Refused` (coupon_over)."""
    found, uses = _read(ports, merchant, code, people)
    return coupons.taken(found, merchant, uses)


def given_back(ports: Ports, merchant: str, code: str, people: Sequence[str]) -> Transaction:
    """Returns the writes that give a use of one person back."""
    return coupons.given_back(*_read(ports, merchant, code, people))


def is_over(ports: Ports, merchant: str, code: str, people: Sequence[str]) -> bool:
    """Tests whether a use could not be taken now."""
    try:
        taken(ports, merchant, code, people)
    except Refused:
        return True
    return False


def in_turn(write: Callable[[], T], stands: Callable[[], bool]) -> T:
    """Carries a write out that reads a coupon afresh, again where others came first.

    It is left as soon as what it is for does not stand as it did: then the conflict is another one.
    """
    for _ in range(TRIES - 1):
        try:
            return write()
        except Conflict:
            if not stands():
                raise
    return write()


def _read(
    ports: Ports, merchant: str, code: str, people: Sequence[str]
) -> tuple[Coupon | None, list[tuple[str, CouponUse | None]]]:
    found = ports.store.coupon(merchant, code)
    if found is None or found.max_uses_per_customer is None:
        return found, []
    uses = ports.store.coupon_uses(merchant, code, people)
    return found, list(zip(people, uses, strict=True))
