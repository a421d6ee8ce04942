"""The words of a merchant's program about a purchase: they come with its buyer, and stay (C-1)."""

from __future__ import annotations

from typing import Any

from billing.checkout.checkouts import Checkout, CheckoutState
from billing.kernel import hand_off
from billing.kernel.hand_off import HandOff
from billing.kernel.invoices import Invoice
from billing.kernel.orders import Order
from billing.kernel.subscription import Subscription
from sim.chance import Chance
from sim.invariants import Violation

SHARE = 0.5
"""The share of purchases that come by a link of the merchant's own site."""


def said(seed: int, key: str) -> HandOff | None:
    """Returns what is said of the purchase with an attempt key; drawn from a stream of its own."""
    chance = Chance(seed, f"hand-off {key}")
    if not chance.happens(SHARE):
        return None
    reference = f"user-{chance.between(1, 10**6)}" if chance.happens(0.8) else None
    metadata = {f"field{n}": f"{chance.word()}" for n in range(chance.pick((0, 1, 10)))}
    return hand_off.of(reference, metadata)


def kept(seed: int, found: dict[type, list[Any]]) -> None:
    """Checks that each subscription, invoice and order of a purchase has what was said of it."""
    sold = {(each.merchant, each.id): each.hand_off for each in found[Subscription]}
    for checkout in found[Checkout]:
        bought = (checkout.merchant, checkout.purchase)
        if checkout.state is CheckoutState.PAID and bought in sold:
            _same(checkout.purchase, sold[bought], said(seed, checkout.key))
    for each in (*found[Invoice], *found[Order]):
        about = each.purchase if isinstance(each, Invoice) else each.subscription
        if (each.merchant, about) in sold:
            _same(each.id, each.hand_off, sold[each.merchant, about])


def _same(about: str, has: HandOff | None, expected: HandOff | None) -> None:
    if has != expected:
        raise Violation("7", f"of {about} it was said {expected}, and it has {has}", about)
