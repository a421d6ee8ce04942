"""The adversary: acts at the worst moment, while a subscription is being worked on.

The acts are in `actions.py`; the adversary picks one at a port call on a subscription.
"""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace

from billing.checkout.checkouts import Checkout
from billing.kernel.subscription import Subscription
from billing.storage.keys import subscription as subscription_key
from sim import withdrawals
from sim.actions import ACTIONS, MINDS, Action
from sim.buyers import Buyer
from sim.chance import Chance
from sim.virtual_clock import SECOND, Clockwork, Invocation
from sim.world import World

OF_A_PURCHASE = frozenset(
    {"charge", "plan", "pause", "resume", "freeze", "pay", "card", "undo", "cancel", "refund"}
)
"""The first words of invocations whose second is the id of a subscription, or a checkout's key."""


class Adversary:
    """An observer of port calls that acts at some of them."""

    def __init__(
        self, world: World, buyers: dict[str, Buyer], always: Action | None = None
    ) -> None:
        self.world = world
        self._always = always
        self.buyers = buyers
        world.wire.watch = self._watch

    def _watch(self, invocation: Invocation, point: int) -> None:
        chance = Chance(self.world.seed, f"adversary {invocation.name} {point}")
        target = chance.pick(self._targets(invocation) or [None])
        clockwork: Clockwork = self.world.clockwork
        if self._always is not None:
            always = self._always
            clockwork.at(clockwork.now_us + SECOND, lambda: self._act(always, invocation))
        elif target is not None:
            if self.world.plan.withdrawing and isinstance(target, Subscription):
                call = f"{invocation.name} {point}"
                withdrawals.at_call(self.world, self.buyers.values(), target.id, call)
            action = chance.pick(ACTIONS[type(target)])
            delay_us = chance.pick((0, 0, 1_000, 30_000, SECOND))
            clockwork.at(clockwork.now_us + delay_us, lambda: action(self, target))

    def _act(self, action: Action, invocation: Invocation) -> None:
        """Acts on what the invocation works on by now.

        It acts on a purchase before that is written down.
        """
        targets = self._targets(invocation)
        action(self, targets[0] if targets else SimpleNamespace(key=_attempt_key(invocation.name)))

    def _targets(self, invocation: Invocation) -> list[Subscription | Checkout]:
        """Returns what an invocation works on, by its name: its claim's owner, or a buyer's
        attempt.
        """
        words = invocation.name.partition("~")[0].split()
        if words[0] in OF_A_PURCHASE:
            return self._standing(words[1])
        if words[0] == "buyer":
            return self._standing(_attempt_key(invocation.name))
        return []

    def _standing(self, name: str) -> list[Subscription | Checkout]:
        """Returns the subscription of that id, or the attempt of that key."""
        oracle = self.world.oracle
        stand = (oracle.subscription(name), oracle.checkouts.get(name))
        return [each for each in stand if each is not None]

    def change_of_mind(self, buyer: Buyer, at_us: int) -> None:
        """Plans a buyer's change of mind: they end it, want a refund or a break, or go to the bank.

        It happens once or twice, some day; not at any worst moment.
        """
        for mind, (share, actions) in MINDS.items():
            chance = Chance(self.world.seed, f"{mind} {buyer.key}")
            if chance.happens(share):
                action = chance.pick(actions)
                day_us = chance.between(at_us, self.world.plan.end_us)
                act = partial(self.act_on_purchase, action, buyer)
                self.world.clockwork.at(day_us, act)

    def act_on_purchase(self, action: Action, buyer: Buyer) -> None:
        """Acts on what a buyer has bought, if it is a subscription."""
        bought = buyer.answer
        if bought is None or bought.invoice.subscription is None:
            return
        stands = self.world.table.get(
            subscription_key(bought.merchant, bought.customer, bought.purchase)
        )
        if stands is not None:
            action(self, stands)


def _attempt_key(name: str) -> str:
    number = name.split()[1]
    return f"attempt-{int(number):06d}" if number.isdigit() else ""
