"""Price changes: from some moment on the merchant sells at another price only."""

from __future__ import annotations

from functools import partial

from billing.catalog.flows import products
from billing.kernel.catalog import PricePoint
from billing.kernel.money import Money
from billing.kernel.values import replace
from sim.virtual_clock import answered, instant
from sim.world import World


def change(world: World) -> None:
    """Ends the offers that the plan names, each when its time comes."""
    points = {point.id: point for _, point in world.plan.products}
    for number, (point, at_us) in enumerate(world.plan.offers_end):
        if world.faults.planned("offer_ends", number):
            work = partial(_change, world, points[point])
            world.clockwork.spawn(f"seller {point}", work, at_us, answered)


def _change(world: World, point: PricePoint) -> None:
    ports = world.ports
    merchant = ports.store.merchant(point.merchant)
    assert merchant is not None, "a merchant is never removed"
    price = point.terms.price
    dearer = replace(point.terms, price=Money(price.amount_minor + 100, price.currency))
    products.add_price_point(ports, merchant, point.product, dearer, now=ports.clock())
    products.remove_price_point(ports, merchant, point.product, point.id)
    world.oracle.offers_ended[point.id] = instant(world.clockwork.now_us)
