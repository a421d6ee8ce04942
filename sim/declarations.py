"""Strangers and customers declare the end of a subscription, also during its charge (X-10).

The address on file says yes, no or nothing, a person decides some days later or never; and once all
is over, what a binding declaration promises has come true.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from billing.cancel.regions.rules import Duty
from billing.declarations import matching
from billing.declarations.declarations import (
    Declaration,
    DeclarationState,
    Declared,
    Kind,
)
from billing.declarations.flows import answer, decide, receive
from billing.declarations.flows.receive import Sender
from billing.kernel.invoices import Invoice
from billing.kernel.orders import PAYMENTS, Order, OrderKind
from billing.kernel.subscription import State, Subscription
from billing.refunds.refunds import Refund
from sim.chance import Chance
from sim.invariants import Violation
from sim.money_back import payments
from sim.virtual_clock import DAY, MINUTE, SECOND, answered
from sim.world import World

if TYPE_CHECKING:
    from sim.adversary import Adversary

AGENT = "agent@example.com"
KINDS = (Kind.ORDINARY, Kind.ORDINARY, Kind.EXTRAORDINARY, Kind.WITHDRAWAL)


def declare(adversary: Adversary, target: Subscription) -> None:
    """Declares the end of a subscription: with an Order ID, signed in, or as anybody could."""
    world = adversary.world
    chance = Chance(world.seed, f"declares {target.id} {world.clockwork.now_us}")
    how = chance.pick(("order", "portal", "stranger", "stranger"))
    kind = chance.pick(KINDS)
    key = f"{target.id}-{world.clockwork.now_us}"
    paid = payments(world, target)
    for _ in range(chance.pick((1, 1, 2))):
        at_us = world.clockwork.now_us + chance.between(0, SECOND)
        order = paid[-1].id if paid and how == "order" else None
        owner = target.merchant, target.customer
        work = partial(send, world, owner, target.id, kind, key, order, how == "portal")
        world.clockwork.spawn(f"declare {target.id}", work, at_us, answered)


def declare_end(adversary: Adversary, target: Subscription) -> None:
    """Declares an end at once, proved by the Order ID of the newest payment."""
    _declare_proved(adversary, target, Kind.ORDINARY)


def withdraw(adversary: Adversary, target: Subscription) -> None:
    """Withdraws at once, proved by the Order ID of the newest payment."""
    _declare_proved(adversary, target, Kind.WITHDRAWAL)


def _declare_proved(adversary: Adversary, target: Subscription, kind: Kind) -> None:
    world = adversary.world
    order = payments(world, target)[-1].id
    key = f"{target.id}-{world.clockwork.now_us}"
    owner = target.merchant, target.customer
    work = partial(send, world, owner, target.id, kind, key, order, False)
    world.clockwork.spawn(f"declare {target.id}", work, world.clockwork.now_us, answered)


def send(
    world: World,
    owner: tuple[str, str],
    bought: str,
    kind: Kind,
    key: str,
    order: str | None,
    signed_in: bool,
) -> None:
    """Sends a declaration about a subscription, or about what was bought with an order."""
    ports = world.ports
    now, seller = ports.clock(), ports.store.merchant(owner[0])
    customer = ports.store.customer(*owner)
    assert seller is not None and customer is not None, "neither is ever removed"
    duty = Duty.WITHDRAWAL if kind is Kind.WITHDRAWAL else Duty.CANCELLATION
    reason = "It broke." if kind is Kind.EXTRAORDINARY else ""
    said = Declared(kind, "Somebody", customer.email, order or bought, reason)
    sent = Sender(
        ip="192.0.2.9",
        country="DE",
        language="de",
        customer=customer.id if signed_in else None,
        subscription=bought if signed_in else None,
    )
    found = receive.receive(ports, seller, duty, said, sent, key=key, now=now)
    if not found.is_verified:
        _answered_some_day(world, found)


def _answered_some_day(world: World, found: Declaration) -> None:
    """Lets the address on file answer, once, twice or never, and a person decide what is left."""
    chance = Chance(world.seed, f"answers {found.id}")
    for _ in range(chance.pick((0, 1, 1, 2))):
        verdict = chance.pick((_confirm, _confirm, _deny, _approve, _decline))
        at_us = world.clockwork.now_us + int(chance.stretched(MINUTE, 9 * DAY))
        work = partial(verdict, world, found)
        world.clockwork.spawn(f"answer {found.id}", work, at_us, answered)


def _confirm(world: World, found: Declaration) -> None:
    found = answer.fresh(world.ports, found)
    if found.state is DeclarationState.ASKED:
        answer.confirm(world.ports, found, found.about, now=world.ports.clock())


def _deny(world: World, found: Declaration) -> None:
    found, seller = answer.fresh(world.ports, found), world.ports.store.merchant(found.merchant)
    assert seller is not None, "a merchant is never removed"
    if found.state is DeclarationState.ASKED:
        answer.deny(world.ports, seller, found, now=world.ports.clock())


def _approve(world: World, found: Declaration) -> None:
    found = answer.fresh(world.ports, found)
    decide.approve(world.ports, found, None, by=AGENT, now=world.ports.clock())


def _decline(world: World, found: Declaration) -> None:
    found, seller = answer.fresh(world.ports, found), world.ports.store.merchant(found.merchant)
    assert seller is not None, "a merchant is never removed"
    decide.decline(world.ports, seller, found, by=AGENT, now=world.ports.clock())


def declarations_bind(world: World, found: dict[type, list[Any]]) -> None:
    """Checks each declaration once all is over: nothing is charged after one that binds (1)."""
    for each in found[Declaration]:
        for name in each.about:
            held = world.oracle.subscription(name)
            if held is None:
                continue
            if held.held_for == each.id and each.state is not DeclarationState.ASKED:
                raise Violation("21", f"{name} is held by {each.id}: {each.state}", name)
            if each.is_verified and each.state is DeclarationState.CARRIED_OUT:
                _carried_out(each, held, found)


def _carried_out(each: Declaration, held: Subscription, found: dict[type, list[Any]]) -> None:
    entries = [order for order in found[Order] if order.subscription == held.id]
    if any(order.kind is OrderKind.CANCEL_REQUEST and order.withdrawn for order in entries):
        return  # its customer undid the end
    if held.is_live and held.state is not State.CANCEL_PENDING:
        text = f"{each.id} is carried out, and {held.id} is {held.state}"
        raise Violation("7", text, held.id)
    since = each.binds_at(held.anchor.zone)
    invoices = {invoice.id: invoice for invoice in found[Invoice]}
    refunds = {refund.id for refund in found[Refund]}
    for order in matching.paid_since(entries, held.id, since, PAYMENTS):
        invoice = invoices[order.invoice or ""]
        gone = invoice.refund_reserved_minor + invoice.disputed_minor
        # By this one or another one of them; a bank may have sent it back since.
        given = any(f"{invoice.id}:{other.id}" in refunds for other in found[Declaration])
        if gone < invoice.total.amount_minor and not given:
            text = f"{order.id} was charged after {each.id} and is kept"
            raise Violation("7", text, held.id, invoice.id)
