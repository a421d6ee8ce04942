"""Past-due and waiting payments, and what people do about them (R-2, R-4).

Customers pay out of turn, merchants say charge or skip.
"""

from __future__ import annotations

from collections.abc import Callable

from billing.kernel.flows import subscriptions
from billing.kernel.subscription import State, Subscription
from billing.rebill.flows import overdue, pay_now
from sim.chance import Chance
from sim.virtual_clock import DAY, MINUTE, SECOND, answered
from sim.world import World


def noticed(world: World, subscription: Subscription) -> None:
    """Plans a reaction to a payment that has become past due, or waits from now on."""
    if subscription.state is State.PAST_DUE:
        _paid_some_day(world, subscription)
    else:
        _decided_some_day(world, subscription)


def _paid_some_day(world: World, subscription: Subscription) -> None:
    """Presses "Pay now" as the customer, now and then twice, or as the merchant."""
    chance = Chance(world.seed, f"arrears {subscription.id} {subscription.seq}")
    if chance.happens(0.4):
        at_us = world.clockwork.now_us + int(chance.stretched(MINUTE, 12 * DAY))
        for _ in range(chance.pick((1, 1, 2))):
            pay_at(world, subscription, at_us + chance.between(0, SECOND))


def pay_at(world: World, subscription: Subscription, at_us: int) -> None:
    """Plans a charge out of turn of what is past due."""
    ports, (merchant, customer, name) = world.ports, _owner(subscription)

    def work() -> None:
        found = ports.store.subscription(merchant, customer, name)
        assert found is not None, "a subscription is never removed"
        pay_now.now_due(ports, found, now=ports.clock())

    _spawn(world, f"pay {name}", work, at_us)


def _decided_some_day(world: World, subscription: Subscription) -> None:
    """Decides as the merchant: charge or skip, now and then both at once, or lets it wait."""
    chance = Chance(world.seed, f"waits {subscription.id} {subscription.period}")
    ports, (merchant, _, name) = world.ports, _owner(subscription)

    def charge() -> None:
        now = ports.clock()
        overdue.charge(ports, subscriptions.fresh(ports, merchant, name), now=now)

    def skip() -> None:
        world.oracle.skips.add(name)
        now = ports.clock()
        overdue.skip(ports, subscriptions.fresh(ports, merchant, name), now=now)

    at_us = world.clockwork.now_us + int(chance.stretched(MINUTE, 10 * DAY))
    for said in chance.pick(((charge,), (charge,), (skip,), (charge, skip), ())):
        _spawn(world, f"decide {name}", said, at_us + chance.between(0, SECOND))


def _owner(subscription: Subscription) -> tuple[str, str, str]:
    return subscription.merchant, subscription.customer, subscription.id


def _spawn(world: World, name: str, work: Callable[[], None], at_us: int) -> None:
    if at_us <= world.plan.end_us:  # what is said later, nobody waits for
        world.clockwork.spawn(name, work, at_us, answered)
