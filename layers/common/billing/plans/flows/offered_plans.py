"""The plans that a customer may change to in the portal, where their merchant allows it (B-12)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from billing.kernel.catalog import PricePoint, PriceType, Product
from billing.kernel.errors import Refused
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription
from billing.kernel.values import Value
from billing.plans import plan_change
from billing.plans.plan_change import When

ANY_OTHER = ""
"""No price point's id: stands for any that a subscription is not charged by."""


class PlanOffer(Value):
    """A price point that a subscription can change to, with its product."""

    product: Product
    price_point: PricePoint


def offers(ports: Ports, merchant: Merchant, found: Subscription) -> tuple[PlanOffer, ...]:
    """Lists the plans that a subscription's customer may change to, cheapest first; none where the
    merchant does not allow it, nor at the platform, where an account has pages for its plan (A-4).

    A trial is for new purchases only, so a plan that is sold with one and without is shown once. A
    change that is already planned can be taken back: its present plan is then among them.
    """
    if not _is_offered(ports, merchant) or found.terms.type is not PriceType.RECURRING:
        return ()
    own = ports.store.product(merchant.id, found.product)
    assert own is not None, "a product is never removed"
    named = list(_named(own))
    if found.next_plan is not None:
        named.append(found.price_point)
    points = ports.store.newest_price_points(list(dict.fromkeys(named)))
    others = sorted({(merchant.id, point.product) for point in points} - {(merchant.id, own.id)})
    read = ports.store.products(others) if others else []
    sold = {own.id: own} | {product.id: product for product in read if product is not None}
    shown: dict[object, PlanOffer] = {}
    for point in sorted(points, key=lambda each: each.terms.initial is not None):
        offer = PlanOffer(sold[point.product], point)
        if _is_open(offer, found):
            shown.setdefault((offer.product.id, point.terms.standard), offer)
    return tuple(sorted(shown.values(), key=lambda each: each.price_point.terms.price.amount_minor))


def changeable(
    ports: Ports, merchant: Merchant, subscriptions: Sequence[Subscription], now: datetime
) -> frozenset[str]:
    """Returns the ids of those subscriptions that have a plan to change to now, by one read of
    their products; no read where the merchant does not allow it."""
    if not _is_offered(ports, merchant):
        return frozenset()
    may = [found for found in subscriptions if _may_change(found, now)]
    ids = sorted({(merchant.id, found.product) for found in may})
    read = ports.store.products(ids) if ids else []
    named = {product.id: set(_named(product)) for product in read if product is not None}
    return frozenset(
        found.id for found in may if named.get(found.product, set()) - {found.price_point}
    )


def _is_offered(ports: Ports, merchant: Merchant) -> bool:
    return merchant.settings.self_change_plan and merchant.id != ports.operation.platform


def _named(product: Product) -> tuple[str, ...]:
    return product.changes_to or product.price_points


def _may_change(found: Subscription, now: datetime) -> bool:
    try:
        plan_change.refuse_change(found, ANY_OTHER, When.NOW, now)
    except Refused:
        return False
    return True


def _is_open(offer: PlanOffer, found: Subscription) -> bool:
    point, product = offer.price_point, offer.product
    if point.id == found.price_point:
        return found.next_plan is not None
    present = (product.id, point.terms.standard) == (found.product, found.terms.standard)
    return (
        product.sells(point.id)
        and point.merchant == found.merchant
        and point.terms.type is PriceType.RECURRING
        and point.terms.price.currency is found.terms.price.currency
        and found.gateway in product.gateways
        and not present
    )
