"""Coupons as a merchant makes them, and the rules of who may use one (C-8)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from billing.kernel.discounts import Discount
from billing.kernel.errors import Conflict, Invalid, Refused
from billing.kernel.money import Currency, Money
from billing.kernel.values import replace
from billing.kernel.writes import Change, Entity, Insert, Remove, Write

CODE_LEAST, CODE_MOST = 3, 40
CODE = re.compile(rf"[A-Z0-9_-]{{{CODE_LEAST},{CODE_MOST}}}")
LIMITED_TO_MOST = 10
"""The most products, and the most price points, that a coupon is limited to: a subscription keeps
them beside all else that is written with every charge."""
CHARGES_MOST, USES_MOST = 1_000, 100_000_000

UNKNOWN, OVER, NOT_FOR_THIS = "coupon_unknown", "coupon_over", "coupon_not_for_this"
REFUSALS = frozenset({UNKNOWN, OVER, NOT_FOR_THIS})
"""The codes of refusals of a coupon."""

AT_FIELD = {
    UNKNOWN: Invalid("coupon_unknown", field="coupon"),
    OVER: Invalid("coupon_over", field="coupon"),
    NOT_FOR_THIS: Invalid("coupon_not_for_this", field="coupon"),
}
"""A refusal of a coupon as an error of the field that it was typed in."""


class Duration(StrEnum):
    """The payments that a coupon applies to: one, so many, or all."""

    ONCE = "once"
    REPEATING = "repeating"
    FOREVER = "forever"


class Coupon(Entity):
    """A coupon of a merchant, by its code.

    `basis_points` of a price are taken off, or `amount_off`. `charges` is for how many payments,
    where it repeats. Empty `products` and `price_points` are all of them. It can be used from
    `starts_at` until `ends_at`, `max_uses` times in all and `max_uses_per_customer` times by one
    person. `active` is false once its merchant has ended it; `uses` counts purchases that were paid
    with it, or are just being paid.
    """

    merchant: str
    code: str
    created_at: datetime
    duration: Duration
    basis_points: int | None = None
    amount_off: Money | None = None
    charges: int | None = None
    applies_to_initial: bool = False
    products: tuple[str, ...] = ()
    price_points: tuple[str, ...] = ()
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    max_uses: int | None = None
    max_uses_per_customer: int | None = None
    active: bool = True
    uses: int = 0

    @property
    def discount(self) -> Discount:
        """Its terms as a purchase keeps them."""
        return Discount(
            coupon=self.code,
            basis_points=self.basis_points or 0,
            amount_minor=self.amount_off.amount_minor if self.amount_off else 0,
            charges_left=1 if self.duration is Duration.ONCE else self.charges,
            applies_to_initial=self.applies_to_initial,
            products=self.products,
            price_points=self.price_points,
        )

    @property
    def is_used_up(self) -> bool:
        return self.max_uses is not None and self.uses >= self.max_uses

    def can_be_used(self, at: datetime) -> bool:
        """Tests whether it has begun, has not ended, and has uses left."""
        begun = self.starts_at is None or self.starts_at <= at
        ended = self.ends_at is not None and self.ends_at <= at
        return begun and not ended and self.active and not self.is_used_up


class CouponUse(Entity):
    """The number of times that one person has used a coupon; `subject` is the hash of a customer, a
    mailbox or a card."""

    merchant: str
    coupon: str
    subject: str
    uses: int = 0


def code_of(typed: str) -> str | None:
    """Returns a code as it is stored, or None if there can be no such code."""
    code = typed.strip().upper()
    return code if CODE.fullmatch(code) else None


def before(beginning: str) -> str:
    """Returns the last text before all codes with a beginning: no code has a tilde."""
    return f"{beginning[:-1]}{chr(ord(beginning[-1]) - 1)}~"


def refuse(
    coupon: Coupon | None, product: str, price_point: str, currency: Currency, at: datetime
) -> Coupon:
    """Returns a coupon that may be used for a price at `at`.

    Raises `Refused`: coupon_unknown, also before it begins; coupon_over, where it has ended or all
    uses are taken; coupon_not_for_this.
    """
    if coupon is None or (coupon.starts_at is not None and at < coupon.starts_at):
        raise Refused(UNKNOWN)
    ended = coupon.ends_at is not None and coupon.ends_at <= at
    if ended or not coupon.active or coupon.is_used_up:
        raise Refused(OVER)
    other = coupon.amount_off is not None and coupon.amount_off.currency is not currency
    if other or not coupon.discount.is_for(product, price_point):
        raise Refused(NOT_FOR_THIS)
    return coupon


def taken(
    coupon: Coupon | None, merchant: str, people: Iterable[tuple[str, CouponUse | None]]
) -> tuple[Write, ...]:
    """Returns the writes that take one use; refused where another took the last one meanwhile.

    `people` are the hashes of its user with what they have used. Raises `Refused` (coupon_over)
    where the coupon was ended, or its limit, or theirs, is reached.
    """
    if coupon is None or not coupon.active or coupon.is_used_up:
        raise Refused(OVER)
    writes: list[Write] = [
        Change(coupon, replace(coupon, uses=coupon.uses + 1), expecting=("active",))
    ]
    most = coupon.max_uses_per_customer
    for subject, use in people if most is not None else ():
        if use is None:
            writes.append(Insert(CouponUse(merchant, coupon.code, subject, 1)))
            continue
        if most is not None and use.uses >= most:
            raise Refused(OVER)
        writes.append(Change(use, replace(use, uses=use.uses + 1)))
    return tuple(writes)


def given_back(
    coupon: Coupon | None, people: Iterable[tuple[str, CouponUse | None]]
) -> tuple[Write, ...]:
    """Returns the writes that give one use back, after nothing was paid with it.

    Raises `Conflict` where there is none: another has given it back since the attempt was read.
    """
    if coupon is None:
        return ()
    if not coupon.uses:
        raise Conflict(note=f"no use of {coupon.code} to give back")
    uses = [use for _, use in people if use is not None and use.uses > 0]
    return (
        Change(coupon, replace(coupon, uses=coupon.uses - 1)),
        *(
            Change(use, replace(use, uses=use.uses - 1))
            if use.uses > 1
            else Remove(use, expecting=("uses",))  # nobody is known by what they did not use
            for use in uses
        ),
    )
