"""Merchants give running subscriptions a coupon, and take it away, also during a charge (C-8)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from billing.coupons.flows import attach
from billing.kernel.flows import subscriptions
from billing.kernel.subscription import Subscription
from sim.chance import Chance
from sim.coupons import CODES
from sim.virtual_clock import DAY, MINUTE, answered, microseconds
from sim.world import World

if TYPE_CHECKING:
    from sim.adversary import Adversary


def give_coupon(adversary: Adversary, target: Subscription) -> None:
    """Gives a subscription a coupon, sometimes two at once; some are taken away again."""
    world = adversary.world
    if not world.plan.couponed:
        return
    chance = Chance(world.seed, f"gives {target.id} {world.clockwork.now_us}")
    at_us = _when(world, target, chance)
    for _ in range(chance.pick((1, 1, 2))):
        give = partial(_give, world, target, chance.pick(tuple(CODES)))
        world.clockwork.spawn(f"coupon {target.id}", give, at_us, answered)
    if chance.happens(0.3):
        take_coupon(adversary, target)


def take_coupon(adversary: Adversary, target: Subscription) -> None:
    """Takes a subscription's coupon away."""
    world = adversary.world
    if not world.plan.couponed:
        return
    chance = Chance(world.seed, f"takes {target.id} {world.clockwork.now_us}")
    at_us = _when(world, target, chance) + int(chance.stretched(1_000, 40 * DAY))
    world.clockwork.spawn(f"uncoupon {target.id}", partial(_take, world, target), at_us, answered)


def _when(world: World, target: Subscription, chance: Chance) -> int:
    """Returns when it is done: now, or about when the next payment is charged."""
    now_us = world.clockwork.now_us
    if target.due_at is None or chance.happens(0.5):
        return now_us
    return max(now_us, microseconds(target.due_at) + chance.between(0, 2 * MINUTE))


def _give(world: World, target: Subscription, code: str) -> None:
    ports = world.ports
    found = subscriptions.fresh(ports, target.merchant, target.id)
    attach.attach(ports, found, code, now=ports.clock())


def _take(world: World, target: Subscription) -> None:
    world.oracle.taking.add(target.id)
    attach.detach(world.ports, subscriptions.fresh(world.ports, target.merchant, target.id))
