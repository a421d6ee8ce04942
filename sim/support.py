"""Customers who ask support to cancel or refund, and agents who decide (H-3, H-4).

Agents decide late, twice, or never.
"""

from __future__ import annotations

from functools import partial

from billing.helpdesk.flows import decision, open_ticket
from billing.helpdesk.flows.open_ticket import Request
from billing.helpdesk.tickets import Ownership, TicketType
from billing.kernel.orders import Order
from billing.kernel.subscription import Subscription
from sim.chance import Chance
from sim.virtual_clock import DAY, MINUTE, SECOND, answered
from sim.world import World

AGENT = "agent@example.com"


def ask(world: World, target: Subscription, wish: TicketType, order: Order | None = None) -> None:
    """Writes to support, now and then twice; the decision comes days later."""
    ports, merchant = world.ports, target.merchant
    chance = Chance(world.seed, f"support {wish} {target.id} {target.seq} {target.period}")
    request = Request(
        department="billing",
        email="buyer@example.com",
        subject="Please",
        text="",
        key=f"{target.id}-{target.seq}-{target.period}-{wish}",
        wish=wish,
        order=None if order is None else order.id,
        subscription=target.id,
    )
    ownership = chance.pick((Ownership.PORTAL, Ownership.LINK))

    def work() -> None:
        now = ports.clock()
        seller = ports.store.merchant(merchant)
        assert seller is not None, "a merchant is never removed"
        opened = open_ticket.open_one(
            ports, seller, request, customer=target.customer, ownership=ownership, now=now
        )
        _decided_some_day(world, merchant, opened.id)

    for _ in range(chance.pick((1, 1, 1, 2))):
        at_us = world.clockwork.now_us + chance.between(0, SECOND)
        world.clockwork.spawn(f"ask {target.id}", work, at_us, answered)


def _decided_some_day(world: World, merchant: str, name: str) -> None:
    """Decides a request by one agent, by two who may disagree, or by nobody until its last day."""
    chance = Chance(world.seed, f"agents {name}")
    for _ in range(chance.pick((0, 1, 1, 2))):
        verdict = chance.pick((_approve, _approve, _decline))
        at_us = world.clockwork.now_us + int(chance.stretched(MINUTE, 9 * DAY))
        work = partial(verdict, world, merchant, name)
        world.clockwork.spawn(f"agent {name}", work, at_us, answered)


def _approve(world: World, merchant: str, name: str) -> None:
    cancels = Chance(world.seed, f"cancels {name}").happens(0.5)
    decision.approve(
        world.ports, merchant, name, by=AGENT, now=world.ports.clock(), cancels=cancels
    )


def _decline(world: World, merchant: str, name: str) -> None:
    seller = world.ports.store.merchant(merchant)
    assert seller is not None, "a merchant is never removed"
    decision.decline(world.ports, seller, name, "No.", by=AGENT, now=world.ports.clock())
