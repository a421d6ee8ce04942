"""Money that goes back: by the merchant, past us at the gateway, and through the bank."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from billing.kernel.errors import Invalid, Unavailable, Uncertain
from billing.kernel.gateways import DisputeStanding, RefundSucceeded
from billing.kernel.invoices import Invoice
from billing.kernel.orders import Order
from billing.kernel.subscription import Source, Subscription
from billing.refunds.flows import refund
from billing.storage import keys
from sim.chance import Chance
from sim.seen import ASKED, OF_TAX
from sim.virtual_clock import DAY, SECOND, answered
from sim.world import World

if TYPE_CHECKING:
    from sim.adversary import Adversary

TIMES_ASKED = 3
"""The most times a refund is requested by somebody who is answered that it was not made."""


def dispute(adversary: Adversary, target: Subscription) -> None:
    """Disputes a payment, all or part, through the customer's bank.

    Some day the bank decides.
    """
    world = adversary.world
    sandbox = world.gateway.sandbox
    chance = Chance(world.seed, f"dispute {target.id} {target.seq}")
    paid = charged(world, target)
    if not paid:
        return
    invoice = chance.pick((paid[-1], paid[0]))
    reference = str(invoice.gateway_ref)
    try:
        part = chance.pick((None, None, invoice.total.amount_minor // 2))
        opened = sandbox.open_dispute(reference, part)
    except Invalid:
        return  # nothing of it is left
    world.oracle.tally["disputes"] += 1
    decided = chance.pick((*[DisputeStanding.WON] * 2, DisputeStanding.LOST, None))
    if decided is not None:
        at_us = world.clockwork.now_us + int(chance.stretched(SECOND, 40 * DAY))
        took = _took(world, reference, opened) if decided is DisputeStanding.LOST else None
        close = partial(sandbox.close_dispute, reference, opened, decided, took)
        world.clockwork.at(at_us, close)
    if decided is DisputeStanding.LOST and (
        chance := Chance(world.seed, f"appeal {opened}")
    ).happens(0.4):
        appeal(world, reference, opened, at_us, chance)


def appeal(world: World, reference: str, dispute: str, lost_at_us: int, chance: Chance) -> None:
    """Has a lost dispute opened again by its merchant; mostly it is decided anew, some time on."""
    sandbox = world.gateway.sandbox
    at_us = lost_at_us + int(chance.stretched(SECOND, 10 * DAY))
    world.clockwork.at(at_us, partial(sandbox.appeal_dispute, reference, dispute))
    decided = chance.pick((DisputeStanding.WON, DisputeStanding.WON, DisputeStanding.LOST, None))
    world.oracle.tally["disputes_appealed"] += 1
    if decided is not None:
        at_us += int(chance.stretched(SECOND, 30 * DAY))
        took = _took(world, reference, dispute, "anew") if decided is DisputeStanding.LOST else None
        close = partial(sandbox.close_dispute, reference, dispute, decided, took)
        world.clockwork.at(at_us, close)


def _took(world: World, reference: str, dispute: str, when: str = "first") -> int | None:
    """Returns how much of a dispute's money a bank takes for good: mostly all, None."""
    told = world.gateway.sandbox.disputes(reference)
    minor = next(each.amount.amount_minor for each in told if each.id == dispute)
    chance = Chance(world.seed, f"takes {dispute} {when}")
    took = chance.pick((None, None, minor // 2 if when == "first" else minor // 3)) or None
    world.oracle.tally["disputes_lost_in_part"] += took is not None
    return took


def refund_at_gateway(adversary: Adversary, target: Subscription) -> None:
    """Refunds a payment at the gateway itself, past us, all or part, as the merchant may."""
    world = adversary.world
    paid = charged(world, target)
    if not paid:
        return
    chance = Chance(world.seed, f"dashboard {target.id} {target.seq} {len(paid)}")
    invoice = chance.pick((paid[-1], paid[0]))
    minor = invoice.total.amount_minor // chance.pick((1, 2, 3))
    made = world.gateway.sandbox.refund_elsewhere(str(invoice.gateway_ref), minor)
    world.oracle.tally["refunds_elsewhere"] += isinstance(made, RefundSucceeded)


def send_back(adversary: Adversary, target: Subscription) -> None:
    """Fails the newest refund at the customer's bank, whoever made the refund."""
    world = adversary.world
    for invoice in reversed(charged(world, target)):
        found = world.gateway.books.read(str(invoice.gateway_ref))
        made = (
            [each for each in found[0]["refunds"].values() if "failure" not in each]
            if found
            else []
        )
        if made:
            world.gateway.sandbox.send_back(str(invoice.gateway_ref), made[-1]["id"])
            world.oracle.tally["refunds_sent_back"] += 1
            return


def charged(world: World, target: Subscription) -> list[Invoice]:
    """Returns the paid invoices of a subscription, if the gateway sends events about them."""
    ours = (i for i in world.oracle.invoices.values() if i.subscription == target.id)
    return [invoice for invoice in ours if invoice.charge] if world.webhooks.on else []


def refund_last(adversary: Adversary, target: Subscription) -> None:
    """Refunds the newest payment, all or part, while somebody else does the same.

    Whoever is answered that nothing was done asks again; whoever is answered that it is under way
    asks again if impatient.
    """
    world = adversary.world
    paid = payments(world, target)
    if not paid:
        return
    chance = Chance(world.seed, f"refund {target.id} {target.seq} {len(paid)}")
    for n in range(chance.pick((1, 2))):
        part = chance.pick((None, None, paid[-1].amount.amount_minor // 3))
        at_us = world.clockwork.now_us + chance.between(0, SECOND // 10)
        asked = f"{ASKED} {paid[-1].id} {world.clockwork.now_us} {n}"
        _ask_refund(world, paid[-1], part, asked, at_us, TIMES_ASKED)


def refund_part(adversary: Adversary, target: Subscription, of: int) -> None:
    """Refunds one part in so many of the newest payment."""
    world = adversary.world
    for paid in payments(world, target)[-1:]:
        asked = f"{ASKED} {paid.id} {world.clockwork.now_us} part"
        part_minor = paid.amount.amount_minor // of
        _ask_refund(world, paid, part_minor, asked, world.clockwork.now_us, TIMES_ASKED)


def refund_tax(adversary: Adversary, target: Subscription) -> None:
    """Refunds the tax of the newest payment alone, as on proof, while somebody else does the
    same."""
    world = adversary.world
    paid = payments(world, target)
    if not paid:
        return
    chance = Chance(world.seed, f"tax back {target.id} {target.seq} {len(paid)}")
    for n in range(chance.pick((1, 2))):
        at_us = world.clockwork.now_us + chance.between(0, SECOND // 10)
        asked = f"{ASKED} {OF_TAX} {paid[-1].id} {world.clockwork.now_us} {n}"
        _ask_refund(world, paid[-1], None, asked, at_us, TIMES_ASKED, refund.Takes.NONE)


def payments(world: World, target: Subscription) -> list[Order]:
    history = world.table.query(keys.history(target.merchant, target.customer))
    paid = [o for o in history if isinstance(o, Order) and o.kind in {"sale", "rebill"}]
    return [o for o in paid if o.subscription == target.id and o.amount]


def _ask_refund(
    world: World,
    paid: Order,
    amount_minor: int | None,
    asked: str,
    at_us: int,
    times: int,
    takes: refund.Takes = refund.Takes.OWN,
) -> None:
    """Asks for a refund without an idempotency key.

    `asked` names the request that it belongs to, and is kept as the refund's reason.
    """
    ports, again_us = world.ports, 3 * SECOND

    def again(wish: str) -> None:
        if times > 1:
            soon = world.clockwork.now_us + again_us
            _ask_refund(world, paid, amount_minor, wish, soon, times - 1, takes)

    def work() -> None:
        try:
            made = refund.request(
                ports,
                refund.payment(ports, paid.merchant, paid.id),
                amount_minor=amount_minor,
                source=Source.MERCHANT,
                reason=asked,
                now=ports.clock(),
                takes=takes,
            )
        except Uncertain:
            raise  # advised to look first
        except Unavailable:
            again(asked)
            raise
        if isinstance(made, refund.UnderWay):
            again(f"{asked} though under way")

    world.clockwork.spawn(f"refund {paid.subscription}", work, at_us, answered)
