"""Discounts: what a coupon takes off a price, of which payments, and how often (C-8)."""

from __future__ import annotations

from billing.kernel.money import Money, half_up
from billing.kernel.values import Value, replace

WHOLE = 10_000
"""Basis points of a whole price."""


class Discount(Value):
    """The terms of a coupon as they stood when it was used.

    `basis_points` of a price are taken off, or else `amount_minor` of it. `charges_left` is the
    number of standard payments that it still applies to, None for ever. It is for plans of
    `products` or at `price_points`, or for all where both are empty.
    """

    coupon: str
    basis_points: int = 0
    amount_minor: int = 0
    charges_left: int | None = None
    applies_to_initial: bool = False
    products: tuple[str, ...] = ()
    price_points: tuple[str, ...] = ()

    def off(self, price: Money) -> Money:
        """Returns what is taken off a price: a share rounded half up, or an amount up to all of
        it."""
        if self.basis_points:
            minor = half_up(price.amount_minor * self.basis_points, WHOLE)
        else:
            minor = min(self.amount_minor, price.amount_minor)
        return replace(price, amount_minor=minor)

    def reduced(self, price: Money) -> Money:
        """Returns a price less the discount."""
        return price - self.off(price)

    def is_for(self, product: str, price_point: str) -> bool:
        """Tests whether it may be used for a product at a price point."""
        if not self.products and not self.price_points:
            return True
        return product in self.products or price_point in self.price_points

    def used(self) -> Discount | None:
        """Returns what is left after one more standard payment; None when it is used up."""
        if self.charges_left is None:
            return self
        left = self.charges_left - 1
        return replace(self, charges_left=left) if left > 0 else None


def left_after(discount: Discount | None, coupon: str | None) -> Discount | None:
    """Returns the discount after a standard payment that took `coupon` off; one that has taken its
    place meanwhile is not used by that."""
    if discount is None or discount.coupon != coupon:
        return discount
    return discount.used()
