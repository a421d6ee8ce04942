"""Actions of scenes: on a certain card, payment or plan."""

from __future__ import annotations

from functools import partial

from billing.kernel.gateways import DisputeStanding
from billing.kernel.subscription import Subscription
from billing.plans.plan_change import When
from sim import card_changes, money_back
from sim.actions import Action
from sim.adversary import Adversary
from sim.chance import Chance
from sim.money_back import charged
from sim.plan_changes import change_to
from sim.run import change_merchant
from sim.virtual_clock import DAY, MINUTE


def _change(place: int, when: When, *, thinks_us: int = 0) -> Action:
    """Changes to the plan at that place among those on sale."""

    def change(adversary: Adversary, target: Subscription) -> None:
        _, point = adversary.world.plan.products[place]
        change_to(adversary, target, point.id, when, thinks_us=thinks_us)

    return change


def disarm(adversary: Adversary, target: Subscription) -> None:
    """Disarms the merchant, as a restore of the tables elsewhere does, until all heals (W-5)."""
    change_merchant(adversary.world, target.merchant, armed=False)


def give_visa(adversary: Adversary, target: Subscription) -> None:
    """Adds another card than the one that all of them buy with."""
    card_changes.give(adversary, target, "pm_card_visa", Chance(1, "gives"))


def use_first(adversary: Adversary, target: Subscription) -> None:
    """Has the oldest card charged again."""
    card_changes.use(adversary, target, lambda kept: kept[0].id)


def remove_first(adversary: Adversary, target: Subscription) -> None:
    """Removes the oldest card, whatever it pays for."""
    card_changes.remove(adversary, target, lambda kept: kept[0].id)


def remove_last(adversary: Adversary, target: Subscription) -> None:
    """Removes the newest card."""
    card_changes.remove(adversary, target, lambda kept: kept[-1].id)


def refund_soon(adversary: Adversary, target: Subscription) -> None:
    """Refunds the newest payment in a minute."""
    clockwork = adversary.world.clockwork
    refund = partial(money_back.refund_last, adversary, target)
    clockwork.at(clockwork.now_us + MINUTE, refund)


def refund_half(adversary: Adversary, target: Subscription) -> None:
    """Refunds half of the newest payment."""
    money_back.refund_part(adversary, target, 2)


def dispute_first_payment(adversary: Adversary, target: Subscription) -> None:
    """Disputes the whole first payment; its bank never decides."""
    for paid in charged(adversary.world, target)[:1]:
        adversary.world.gateway.sandbox.open_dispute(str(paid.gateway_ref), None)


def lose_first_payment(adversary: Adversary, target: Subscription) -> None:
    """Disputes what is left of the first payment, which the bank takes back three days later."""
    _lose(adversary, target, None)


def lose_part(adversary: Adversary, target: Subscription) -> None:
    """Disputes a part of the first payment, which the bank takes back three days later."""
    _lose(adversary, target, 600)


def _lose(adversary: Adversary, target: Subscription, amount_minor: int | None) -> None:
    world = adversary.world
    reference = str(charged(world, target)[0].gateway_ref)
    sandbox = world.gateway.sandbox
    opened = sandbox.open_dispute(reference, amount_minor)
    close = partial(sandbox.close_dispute, reference, opened, DisputeStanding.LOST)
    world.clockwork.at(world.clockwork.now_us + 3 * DAY, close)


def win_on_appeal(adversary: Adversary, target: Subscription) -> None:
    """Appeals against the first payment's lost dispute, which is won three days later."""
    world = adversary.world
    reference = str(charged(world, target)[0].gateway_ref)
    sandbox = world.gateway.sandbox
    (lost,) = sandbox.disputes(reference)
    sandbox.appeal_dispute(reference, lost.id)
    close = partial(sandbox.close_dispute, reference, lost.id, DisputeStanding.WON)
    world.clockwork.at(world.clockwork.now_us + 3 * DAY, close)


change_now, change_next = _change(1, When.NOW), _change(1, When.NEXT_REBILL)
change_cheaper = _change(3, When.NOW)
think_it_over, change_meanwhile = _change(1, When.NOW, thinks_us=MINUTE), _change(2, When.NOW)
