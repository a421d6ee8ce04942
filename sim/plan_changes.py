"""Changes of plan and freezes by customers, and their way back."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from billing.kernel.catalog import PricePoint, PriceType
from billing.kernel.flows import subscriptions
from billing.kernel.subscription import Subscription
from billing.plans import plan_change
from billing.plans.flows import change_plan, freeze
from sim.chance import Chance
from sim.money_back import dispute, refund_at_gateway, refund_last
from sim.virtual_clock import DAY, MINUTE, SECOND, answered

if TYPE_CHECKING:
    from sim.adversary import Adversary


def other_plan(adversary: Adversary, target: Subscription) -> None:
    """Changes to another plan of the merchant, now or next, for the amount that was quoted.

    A few come back to the quote when something else may have happened.
    """
    world = adversary.world
    chance = Chance(world.seed, f"plan {target.id} {target.seq} {target.period}")
    sold = [p.id for _, p in world.plan.products if p.merchant == target.merchant and _recurs(p)]
    point = chance.pick(sold)
    when = chance.pick((plan_change.When.NOW, plan_change.When.NOW, plan_change.When.NEXT_REBILL))
    times = chance.pick((1, 1, 2))
    thinks_us = int(chance.stretched(SECOND, 20 * MINUTE)) if chance.happens(0.3) else 0
    for _ in range(times):
        change_to(adversary, target, point, when, thinks_us=thinks_us)


def cheaper_then_back(adversary: Adversary, target: Subscription) -> None:
    """Changes down to the cheapest plan, which leaves credit, and has the money refunded too.

    The refund comes from the merchant, at the gateway, or through the bank; or the money comes
    first.
    """
    world = adversary.world
    chance = Chance(world.seed, f"value {target.id} {target.seq} {target.period}")
    sold = [p for _, p in world.plan.products if p.merchant == target.merchant and _recurs(p)]
    cheapest = min(sold, key=lambda point: point.terms.price.amount_minor).id
    gap_us = int(chance.stretched(SECOND, 20 * DAY))
    way = chance.pick((refund_last, refund_last, refund_at_gateway, dispute, dispute))
    change = partial(change_to, adversary, target, cheapest, plan_change.When.NOW)
    money = partial(way, adversary, target)
    first, then = chance.pick(((change, money), (change, money), (money, change)))
    first()
    world.clockwork.at(world.clockwork.now_us + gap_us, then)


def change_to(
    adversary: Adversary,
    target: Subscription,
    point: str,
    when: plan_change.When,
    *,
    thinks_us: int = 0,
) -> None:
    """Asks what another plan costs, and agrees to the quote after the given delay."""
    world, subscription, merchant = adversary.world, target.id, target.merchant
    ports = world.ports

    def ask() -> None:
        at, found = ports.clock(), subscriptions.fresh(ports, merchant, subscription)
        quoted = change_plan.quote(ports, found, point, when, now=at)
        world.oracle.quoted(subscription, quoted)
        if thinks_us:
            at_us = world.clockwork.now_us + thinks_us
            agreed = partial(agree, quoted.token)
            world.clockwork.spawn(f"plan {subscription}", agreed, at_us, answered)
        else:
            agree(quoted.token)

    def agree(token: str) -> None:
        now, found = ports.clock(), subscriptions.fresh(ports, merchant, subscription)
        change_plan.change(ports, found, point, when, token=token, now=now)

    world.clockwork.spawn(f"plan {subscription}", ask, world.clockwork.now_us, answered)


def freeze_next(adversary: Adversary, target: Subscription) -> None:
    """Freezes a subscription; most customers unfreeze, before it begins or months later."""
    world, subscription, merchant = adversary.world, target.id, target.merchant
    ports, now_us = world.ports, world.clockwork.now_us
    chance = Chance(world.seed, f"freeze {subscription} {target.seq} {target.period}")

    def work() -> None:
        world.oracle.freezes.add(subscription)
        now, found = ports.clock(), subscriptions.fresh(ports, merchant, subscription)
        seller = ports.store.merchant(merchant)
        assert seller is not None, "a merchant is never removed"
        freeze.freeze(ports, seller, found, now=now)

    def thaw() -> None:
        token: str | None = None
        stands = world.oracle.subscription(subscription)
        if stands is not None and stands.is_frozen:
            at, found = ports.clock(), subscriptions.fresh(ports, merchant, subscription)
            quoted = freeze.quote(ports, found, now=at)
            world.oracle.quoted(subscription, quoted)
            token = quoted.token
        now, found = ports.clock(), subscriptions.fresh(ports, merchant, subscription)
        freeze.unfreeze(ports, found, token=token, now=now)

    world.clockwork.spawn(f"freeze {subscription}", work, now_us, answered)
    if chance.happens(0.8):
        thaw_us = now_us + int(chance.stretched(MINUTE, 80 * DAY))
        for _ in range(chance.pick((1, 1, 2))):
            world.clockwork.spawn(f"plan {subscription}", thaw, thaw_us, answered)


def _recurs(point: PricePoint) -> bool:
    return point.terms.type is PriceType.RECURRING
