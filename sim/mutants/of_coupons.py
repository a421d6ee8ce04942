"""Mutants of coupons: each takes one rule of theirs away (C-8)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from billing.checkout import coupon_use
from billing.coupons import coupons
from billing.kernel import invoicing, pricing
from billing.kernel.agreement import Agreement
from billing.kernel.discounts import Discount
from billing.kernel.subscription import Subscription
from billing.kernel.taxes import UNTAXED
from billing.kernel.values import replace
from sim.mutants.mutant import Mutant, Patch
from sim.mutants.removing import always, blind


def counting_attempts(declined: Any) -> Any:
    """Uses a payment of the coupon up with each attempt that failed."""

    def mutant(self: Subscription, retry_at: datetime | None, due_at: datetime) -> Any:
        after = declined(self, retry_at, due_at)
        return after if self.discount is None else replace(after, discount=self.discount.used())

    return mutant


def after_tax(sold: Any) -> Any:
    """Takes the discount off what is taxed already."""

    def mutant(*args: Any, **kwargs: Any) -> Any:
        line, *off = sold(*args, **kwargs)
        return [line, *(replace(each, taxation=UNTAXED) for each in off)]

    return mutant


def touching_initial(discounted: Any) -> Any:
    """Lowers each initial price."""

    def mutant(charges: Any, discount: Discount | None) -> Any:
        touches = None if discount is None else replace(discount, applies_to_initial=True)
        return discounted(charges, touches)

    return mutant


def charging_anything(chargeable: Any) -> Any:
    """Charges less than the gateway takes."""
    return lambda lines, minimum_minor, *, follows: chargeable(lines, 0, follows=follows)


def never_used_up(used: Any) -> Any:
    return lambda self: self


def on_a_freeze(next_discount: Any) -> Any:
    return property(lambda self: self.discount)


_PATCHES: Mapping[str, tuple[Patch, ...]] = {
    "coupon: attempts count as payments": ((Subscription, "declined", counting_attempts),),
    "coupon: a use is not given back": ((coupons, "given_back", always(())),),
    "coupon: its limit is no condition": ((coupons, "taken", blind("Coupon")),),
    "coupon: a person's uses are not counted": ((coupon_use, "people", always(())),),
    "coupon: taken off after tax": (
        (pricing, "sold", after_tax),
        (invoicing, "sold", after_tax),
    ),
    "coupon: touches an initial price unasked": ((pricing, "discounted", touching_initial),),
    "coupon: is never used up": ((Discount, "used", never_used_up),),
    "coupon: lowers a freeze": ((Agreement, "next_discount", on_a_freeze),),
    "coupon: is for every plan": ((Discount, "is_for", always(True)),),
    "coupon: too little is charged": (
        (pricing, "chargeable", charging_anything),
        (invoicing, "chargeable", charging_anything),
    ),
}

COUPONS = tuple(Mutant(name, patches) for name, patches in _PATCHES.items())
