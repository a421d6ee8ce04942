"""Merchants announce other prices for what runs, and mail of notices comes back (X-12, P-18).

A price may be announced twice, and taken back again, also while a renewal is charged. Some mails of
notices bounce: the mail service reports it once or twice, and the merchant lets mail go to that
address again some day, or never.
"""

from __future__ import annotations

from email.message import EmailMessage
from functools import partial
from typing import TYPE_CHECKING

from billing.kernel.catalog import PriceType
from billing.kernel.flows import subscriptions
from billing.kernel.subscription import Subscription
from billing.kernel.values import replace
from billing.outbox.flows import suppressions
from billing.outbox.suppressions import OfNotice, Returned, StopReason
from billing.plans.flows import announce_price
from sim.chance import Chance
from sim.virtual_clock import DAY, HOUR, MINUTE, SECOND, answered, instant, microseconds
from sim.world import World

if TYPE_CHECKING:
    from sim.adversary import Adversary
    from sim.buyers import Buyer

TOLD_BEFORE = 21 * DAY
TICK_US, WRITTEN_US = 5 * MINUTE, 160_000
"""The time between two looks for notices, and from one to the write of what it tells."""

TIMES = (0.8, 1.1, 1.25, 1.5)
"""The factors by which a price changes."""


def some_day(adversary: Adversary, buyer: Buyer) -> None:
    """Announces other prices to some buyers, on days of their own."""
    world = adversary.world
    chance = Chance(world.seed, f"prices {buyer.purchase.number}")
    for _ in range(chance.pick((0, 1, 2))):
        at_us = buyer.purchase.at_us + int(chance.stretched(HOUR, 200 * DAY))
        world.clockwork.at(at_us, partial(adversary.act_on_purchase, announce, buyer))


def announce(adversary: Adversary, target: Subscription) -> None:
    """Announces another price from some day on; some are taken back, at the worst moment."""
    chance = Chance(adversary.world.seed, f"price {target.id} {adversary.world.clockwork.now_us}")
    minor = int(target.terms.price.amount_minor * chance.pick(TIMES))
    starts_us = int(chance.stretched(2 * DAY, 60 * DAY))
    for _ in range(chance.pick((1, 1, 2))):
        _announce(adversary, target, minor, starts_us)
    if chance.happens(0.3):
        take_back(adversary, target)


def announce_rise(adversary: Adversary, target: Subscription) -> None:
    """Announces half as much again from today on: that is, from the first renewal in time."""
    _announce(adversary, target, target.terms.price.amount_minor * 3 // 2, 0)


def _announce(adversary: Adversary, target: Subscription, minor: int, starts_us: int) -> None:
    world = adversary.world
    if target.terms.type is not PriceType.RECURRING:
        return
    price, ports = replace(target.terms.price, amount_minor=minor), world.ports
    starts_at = instant(world.clockwork.now_us + starts_us)

    def work() -> None:
        world.oracle.announced[target.id].append((price, starts_at))
        found = subscriptions.fresh(ports, target.merchant, target.id)
        announce_price.announce(ports, found, price, starts_at, now=ports.clock())

    world.clockwork.spawn(f"price {target.id}", work, world.clockwork.now_us, answered)


def take_back(adversary: Adversary, target: Subscription) -> None:
    """Takes an announced price back some day, or about when the next payment is charged."""
    world = adversary.world
    chance = Chance(world.seed, f"price kept {target.id} {world.clockwork.now_us}")
    at_us = world.clockwork.now_us + int(chance.stretched(MINUTE, 40 * DAY))
    if target.due_at is not None and chance.happens(0.5):
        due_us = microseconds(target.due_at) + chance.between(0, 2 * MINUTE)
        at_us = max(world.clockwork.now_us, due_us)

    _keep(adversary, target, at_us)


def keep_price(adversary: Adversary, target: Subscription) -> None:
    """Takes an announced price back at once."""
    _keep(adversary, target, adversary.world.clockwork.now_us)


def keep_prices(adversary: Adversary, target: object) -> None:
    """Takes all announced prices back at once."""
    for found in adversary.world.oracle.announced:
        stands = adversary.world.oracle.subscription(found)
        if stands is not None:
            keep_price(adversary, stands)


def lose_weeks(adversary: Adversary, target: Subscription) -> None:
    """Takes everything down from the write that tells of a price until five days before it is
    charged, so that its mail is late."""
    due_us = microseconds(target.payment_at(target.period))
    told_us = -(-(due_us - TOLD_BEFORE) // TICK_US) * TICK_US
    adversary.world.wire.outages.append((told_us + WRITTEN_US, due_us - 5 * DAY))


def _keep(adversary: Adversary, target: Subscription, at_us: int) -> None:
    ports = adversary.world.ports

    def work() -> None:
        found = subscriptions.fresh(ports, target.merchant, target.id)
        announce_price.take_back(ports, found, now=ports.clock())

    adversary.world.clockwork.spawn(f"price kept {target.id}", work, at_us, answered)


def returns(world: World, message: EmailMessage, message_id: str) -> None:
    """Lets the mail of a notice come back now and then."""
    chance = Chance(world.seed, f"returns {message_id}")
    over = world.clockwork.now_us >= world.plan.end_us
    if "X-Notice" not in message or over or not chance.happens(world.plan.returned):
        return
    notice, customer = str(message["X-Notice"]), str(message["X-Customer"])
    (to,) = message["To"].addresses
    world.oracle.comes_back.add(notice)
    at_us = world.clockwork.now_us + int(chance.stretched(SECOND, 8 * HOUR))
    report = Returned(
        merchant=str(message["X-Merchant"]),
        email=to.addr_spec,
        reason=StopReason.BOUNCED,
        at=instant(at_us),
        code="Permanent",
        notice=OfNotice(customer, notice, message_id),
    )
    _report(world, report, at_us)
    if chance.happens(0.3):
        _report(world, report, at_us + int(chance.stretched(1_000, 20 * DAY)))
    if chance.happens(0.7):
        lift = partial(_lift, world, report.merchant, customer)
        lifts_us = at_us + int(chance.stretched(DAY, 20 * DAY))
        world.clockwork.spawn(f"lifts {customer}", lift, lifts_us, answered)


def _report(world: World, report: Returned, at_us: int) -> None:
    """Reports a bounce, again in a minute until it is taken: EventBridge does so for a day."""
    assert report.notice is not None
    message_id = report.notice.message_id

    def work() -> None:
        suppressions.record(world.ports, [report])
        world.oracle.returned(message_id)

    def again(error: BaseException | None) -> None:
        if error is not None:
            _report(world, report, world.clockwork.now_us + MINUTE)

    world.clockwork.spawn(f"returned {message_id}", work, at_us, again)


def _lift(world: World, merchant: str, customer: str) -> None:
    suppressions.lift(world.ports, merchant, customer, now=world.ports.clock())
