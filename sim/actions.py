"""Actions on a purchase by buyers, merchants, banks and operators, each a small function.

`ACTIONS` is what the adversary picks from at the worst moment, `MINDS` what ordinary customers come
to do some day.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from billing.aws.sqs_queue import body_of
from billing.cancel.flows import cancel, pause
from billing.checkout.checkouts import Checkout, CheckoutState
from billing.customers.flows import customers
from billing.helpdesk.tickets import TicketType
from billing.kernel.due import DueKind
from billing.kernel.flows import subscriptions
from billing.kernel.outbox_events import OutboxEvent
from billing.kernel.ports import Ports
from billing.kernel.storage import Due
from billing.kernel.subscription import Source, Subscription, When
from billing.storage import event_keys, keys
from sim import overdue, support
from sim.buyers import authenticate
from sim.card_changes import bank_renews, new_card, other_card, remove_card
from sim.chance import Chance
from sim.coupon_changes import give_coupon, take_coupon
from sim.declarations import declare
from sim.documents import download
from sim.money_back import (
    dispute,
    payments,
    refund_at_gateway,
    refund_last,
    refund_tax,
    send_back,
)
from sim.plan_changes import cheaper_then_back, freeze_next, other_plan
from sim.virtual_clock import DAY, SECOND, answered, instant
from sim.world import World

if TYPE_CHECKING:
    from sim.adversary import Adversary

Action = Callable[["Adversary", Any], None]


def double_message(adversary: Adversary, target: Subscription | Checkout) -> None:
    """Delivers the same claim once more while it is being worked on."""
    world = adversary.world
    due_at, now = target.due_at, instant(world.clockwork.now_us)
    # Only a possible claim: nothing but the sweep writes messages, and those name claims.
    if due_at is not None and due_at - now <= world.ports.operation.lease:
        lease = Due(target.due_kind, due_at, _owner(target))
        world.deployment.put(body_of([lease]), at_once=True)


def sweep(adversary: Adversary, target: Subscription | Checkout) -> None:
    """Runs one more tick of the schedule."""
    adversary.world.deployment.sweep(adversary.world.clockwork.now_us)


def click_again(adversary: Adversary, target: Checkout) -> None:
    """Clicks the buyer's button again."""
    adversary.buyers[target.key].submit_now()


def come_back(adversary: Adversary, target: Checkout) -> None:
    """Brings the buyer back to the page before the first answer is there."""
    adversary.buyers[target.key].resume_now()


def answer_the_bank(adversary: Adversary, target: Subscription | Checkout) -> None:
    """Authenticates as the buyer just now, if any payment asks for it."""
    world = adversary.world
    invoice = _open_invoice(world, target)
    known = world.oracle.invoices.get(invoice or "")
    if known is not None and known.gateway_ref is not None:
        authenticate(world, known.gateway_ref, succeeded=True)


def ask_to_cancel(adversary: Adversary, target: Subscription) -> None:
    """Asks support to cancel, which holds the charges that fall due (H-4)."""
    support.ask(adversary.world, target, TicketType.CANCEL)


def ask_for_refund(adversary: Adversary, target: Subscription) -> None:
    """Asks support for a refund of the newest payment."""
    paid = payments(adversary.world, target)
    if paid:
        support.ask(adversary.world, target, TicketType.REFUND, paid[-1])


def _attempt(world: World, target: Checkout) -> Checkout | None:
    return world.table.get(keys.checkout(target.merchant, target.key))


def _open_invoice(world: World, target: Subscription | Checkout) -> str | None:
    """Returns the id of the invoice that an attempt or a subscription has open now."""
    if isinstance(target, Checkout):
        attempt = _attempt(world, target)
        return None if attempt is None else attempt.invoice.id
    key = keys.subscription(target.merchant, target.customer, target.id)
    subscription = world.table.get(key)
    return None if subscription is None else subscription.open_invoice


def look_at_attempt(adversary: Adversary, target: Checkout) -> None:
    """Lets the sweep find the attempt while its buyer is still submitting it."""
    world = adversary.world
    stands = _attempt(world, target) if isinstance(target, Checkout) else None
    if stands is not None and stands.state is CheckoutState.OPEN and stands.due_at:
        lease = Due(DueKind.CHECKOUT, stands.due_at, _owner(stands))
        world.deployment.put(body_of([lease]), at_once=True)


def deliver_again(adversary: Adversary, target: object) -> None:
    """Delivers every undelivered outbox event once more, as the stream may."""
    world = adversary.world
    for entity in world.table.all():
        if isinstance(entity, OutboxEvent):
            world.deployment.stream(
                event_keys.outbox_event(entity.shard, entity.at, entity.id),
                entity,
                world.clockwork.now_us,
            )


def cancel_now(adversary: Adversary, target: Subscription) -> None:
    """Cancels at once; from the moment this is answered as done, no charge is excused."""
    _cancel(adversary.world, target, When.NOW)


def cancel_at_end(adversary: Adversary, target: Subscription) -> None:
    """Cancels at the end of the period; half of the customers undo it."""
    world = adversary.world
    _cancel(world, target, When.PERIOD_END)
    chance = Chance(world.seed, f"undo {target.id} {target.seq}")
    if chance.happens(0.5):
        undo_us = world.clockwork.now_us + int(chance.stretched(1_000, 4 * DAY))
        ports = world.ports
        work = partial(_undo, ports, target)
        world.clockwork.spawn(f"undo {target.id}", work, undo_us, answered)


def pause_now(adversary: Adversary, target: Subscription) -> None:
    """Pauses a subscription; most customers resume, within minutes or after weeks."""
    world, subscription = adversary.world, target.id
    ports, merchant, now_us = world.ports, target.merchant, world.clockwork.now_us
    chance = Chance(world.seed, f"pause {subscription} {target.seq} {target.period}")

    def work() -> None:
        now = ports.clock()
        pause.pause(ports, subscriptions.fresh(ports, merchant, subscription), now=now)

    def back() -> None:
        now = ports.clock()
        pause.resume(ports, subscriptions.fresh(ports, merchant, subscription), now=now)

    world.clockwork.spawn(f"pause {subscription}", work, now_us, answered)
    if chance.happens(0.8):
        back_us = now_us + int(chance.stretched(SECOND, 50 * DAY))
        for _ in range(chance.pick((1, 1, 2))):
            world.clockwork.spawn(f"resume {subscription}", back, back_us, answered)


def pay_now(adversary: Adversary, target: Subscription) -> None:
    """Pays out of turn, if anything is past due."""
    overdue.pay_at(adversary.world, target, adversary.world.clockwork.now_us)


def change_email(adversary: Adversary, target: Subscription) -> None:
    """Changes a customer's email as the merchant.

    It is a new one, one that another buyer writes in a form, or the first one again.
    """
    world, owner, merchant = adversary.world, target.customer, target.merchant
    ports = world.ports
    chance = Chance(world.seed, f"email {owner} {world.clockwork.now_us}")
    new = f"{owner}@example.com"
    # There are no others where a failure was shrunk to people who withdraw.
    others = [purchase.email for purchase in world.plan.purchases] or [new]
    email = chance.pick((new, chance.pick(others)))

    def work() -> None:
        customers.change(ports, merchant, owner, {"email": email}, now=ports.clock())

    for _ in range(chance.pick((1, 1, 2))):
        world.clockwork.spawn(f"email {owner}", work, world.clockwork.now_us, answered)
    name = chance.pick((None, f"Ann {email.partition('@')[0]}", "Zoë Other"))

    def rename() -> None:
        customers.change(ports, merchant, owner, {"name": name}, now=ports.clock())

    if name is not None:
        world.clockwork.spawn(f"name {owner}", rename, world.clockwork.now_us, answered)


def _cancel(world: World, target: Subscription, when: When) -> None:
    def work() -> None:
        ports, source = world.ports, Source.CUSTOMER
        found = subscriptions.fresh(ports, target.merchant, target.id)
        ending = cancel.request(ports, found, when=when, source=source, now=ports.clock())
        if ending.result is cancel.Result.ENDED:
            world.oracle.cancelled[target.id] = instant(world.clockwork.now_us)

    world.clockwork.spawn(f"cancel {target.id}", work, world.clockwork.now_us, answered)


def _undo(ports: Ports, target: Subscription) -> None:
    now = ports.clock()
    cancel.undo(ports, subscriptions.fresh(ports, target.merchant, target.id), now=now)


ACTIONS: dict[type, tuple[Action, ...]] = {
    Subscription: (
        *(double_message, double_message, sweep, answer_the_bank, dispute),
        *(ask_to_cancel, ask_for_refund),
        *(refund_last, refund_tax, refund_at_gateway, send_back),
        *(cancel_now, cancel_at_end, pause_now, pay_now, other_plan, freeze_next),
        cheaper_then_back,
        *(new_card, other_card, remove_card, bank_renews),
        change_email,
        declare,
    ),
    Checkout: (click_again, come_back, look_at_attempt, sweep, answer_the_bank),
}


MINDS: dict[str, tuple[float, tuple[Action, ...]]] = {
    "mind": (0.3, (cancel_now, cancel_at_end, refund_last, refund_last)),
    "bank": (0.3, (dispute,)),
    "bank again": (0.15, (dispute,)),
    "dashboard": (0.1, (refund_at_gateway,)),
    "sent back": (0.1, (send_back,)),
    "proof": (0.15, (refund_tax,)),
    "support": (0.25, (ask_to_cancel, ask_to_cancel, ask_for_refund)),
    "break": (0.4, (pause_now, freeze_next)),
    "plan": (0.3, (other_plan,)),
    "value": (0.2, (cheaper_then_back,)),
    "card": (0.3, (new_card,)),
    "card again": (0.15, (new_card, other_card, remove_card)),
    "renewal": (0.3, (bank_renews,)),
    "renewal again": (0.15, (bank_renews,)),
    "address": (0.15, (change_email,)),
    "declaration": (0.15, (declare,)),
    "coupon": (0.3, (give_coupon,)),
    "coupon again": (0.2, (give_coupon, take_coupon)),
    "invoice": (0.3, (download,)),
    "invoice again": (0.3, (download,)),
}
"""The share of ordinary customers that do one of these some day."""


def _owner(target: Subscription | Checkout) -> tuple[str, ...]:
    if isinstance(target, Checkout):
        return (target.merchant, target.key)
    return (target.merchant, target.customer, target.id)
