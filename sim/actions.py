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
from billing.kernel.catalog import PricePoint, PriceType
from billing.kernel.due import DueKind
from billing.kernel.errors import Invalid, Unavailable, Uncertain
from billing.kernel.flows import subscriptions
from billing.kernel.gateways import DisputeStanding, RefundSucceeded
from billing.kernel.invoices import Invoice
from billing.kernel.orders import Order
from billing.kernel.outbox_events import OutboxEvent
from billing.kernel.ports import Ports
from billing.kernel.storage import Due
from billing.kernel.subscription import Source, Subscription, When
from billing.plans import plan_change
from billing.plans.flows import change_plan, freeze
from billing.refunds.flows import refund
from billing.storage import keys
from sim import overdue, support
from sim.buyers import authenticate
from sim.card_changes import bank_renews, new_card, other_card, remove_card
from sim.chance import Chance
from sim.documents import download
from sim.seen import ASKED
from sim.virtual_clock import DAY, MINUTE, SECOND, answered, instant
from sim.world import World

if TYPE_CHECKING:
    from sim.adversary import Adversary

TIMES_ASKED = 3
"""The most times a refund is requested by somebody who is answered that it was not made."""

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
    paid = _payments(adversary.world, target)
    if paid:
        support.ask(adversary.world, target, TicketType.REFUND, paid[-1])


def dispute(adversary: Adversary, target: Subscription) -> None:
    """Disputes a payment, all or part, through the customer's bank.

    Some day the bank decides.
    """
    world = adversary.world
    sandbox = world.gateway.sandbox
    chance = Chance(world.seed, f"dispute {target.id} {target.seq}")
    paid = _charged(world, target)
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
        close = partial(sandbox.close_dispute, reference, opened, decided)
        world.clockwork.at(at_us, close)


def refund_at_gateway(adversary: Adversary, target: Subscription) -> None:
    """Refunds a payment at the gateway itself, past us, all or part, as the merchant may."""
    world = adversary.world
    paid = _charged(world, target)
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
    for invoice in reversed(_charged(world, target)):
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


def _charged(world: World, target: Subscription) -> list[Invoice]:
    """Returns the paid invoices of a subscription, if the gateway sends events about them."""
    ours = (i for i in world.oracle.invoices.values() if i.subscription == target.id)
    return [invoice for invoice in ours if invoice.charge] if world.webhooks.on else []


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


def tell_again(adversary: Adversary, target: object) -> None:
    """Delivers every undelivered outbox event once more, as the stream may."""
    world = adversary.world
    for entity in world.table.all():
        if isinstance(entity, OutboxEvent):
            world.deployment.stream(
                keys.outbox_event(entity.shard, entity.at, entity.id),
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
        pause.pause(ports, merchant, subscription, now=ports.clock())

    def back() -> None:
        pause.resume(ports, merchant, subscription, now=ports.clock())

    world.clockwork.spawn(f"pause {subscription}", work, now_us, answered)
    if chance.happens(0.8):
        back_us = now_us + int(chance.stretched(SECOND, 50 * DAY))
        for _ in range(chance.pick((1, 1, 2))):
            world.clockwork.spawn(f"resume {subscription}", back, back_us, answered)


def pay_now(adversary: Adversary, target: Subscription) -> None:
    """Pays out of turn, if anything is past due."""
    overdue.pay_at(adversary.world, target, adversary.world.clockwork.now_us)


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
        at = ports.clock()
        quoted = change_plan.quote(ports, merchant, subscription, point, when, now=at)
        world.oracle.quoted(subscription, quoted)
        if thinks_us:
            at_us = world.clockwork.now_us + thinks_us
            agreed = partial(agree, quoted.token)
            world.clockwork.spawn(f"plan {subscription}", agreed, at_us, answered)
        else:
            agree(quoted.token)

    def agree(token: str) -> None:
        now = ports.clock()
        change_plan.change(ports, merchant, subscription, point, when, token=token, now=now)

    world.clockwork.spawn(f"plan {subscription}", ask, world.clockwork.now_us, answered)


def freeze_next(adversary: Adversary, target: Subscription) -> None:
    """Freezes a subscription; most customers unfreeze, before it begins or months later."""
    world, subscription, merchant = adversary.world, target.id, target.merchant
    ports, now_us = world.ports, world.clockwork.now_us
    chance = Chance(world.seed, f"freeze {subscription} {target.seq} {target.period}")

    def work() -> None:
        world.oracle.freezes.add(subscription)
        freeze.freeze(ports, merchant, subscription, now=ports.clock())

    def thaw() -> None:
        token: str | None = None
        stands = world.oracle.subscription(subscription)
        if stands is not None and stands.is_frozen:
            quoted = freeze.quote(ports, merchant, subscription, now=ports.clock())
            world.oracle.quoted(subscription, quoted)
            token = quoted.token
        freeze.unfreeze(ports, merchant, subscription, token=token, now=ports.clock())

    world.clockwork.spawn(f"freeze {subscription}", work, now_us, answered)
    if chance.happens(0.8):
        thaw_us = now_us + int(chance.stretched(MINUTE, 80 * DAY))
        for _ in range(chance.pick((1, 1, 2))):
            world.clockwork.spawn(f"plan {subscription}", thaw, thaw_us, answered)


def change_email(adversary: Adversary, target: Subscription) -> None:
    """Changes a customer's email as the merchant.

    It is a new one, one that another buyer writes in a form, or the first one again.
    """
    world, owner, merchant = adversary.world, target.customer, target.merchant
    ports = world.ports
    chance = Chance(world.seed, f"email {owner} {world.clockwork.now_us}")
    others = [purchase.email for purchase in world.plan.purchases]
    email = chance.pick((f"{owner}@example.com", chance.pick(others)))

    def work() -> None:
        customers.change(ports, merchant, owner, {"email": email}, now=ports.clock())

    for _ in range(chance.pick((1, 1, 2))):
        world.clockwork.spawn(f"email {owner}", work, world.clockwork.now_us, answered)


def _recurs(point: PricePoint) -> bool:
    return point.terms.type is PriceType.RECURRING


def refund_last(adversary: Adversary, target: Subscription) -> None:
    """Refunds the newest payment, all or part, while somebody else does the same.

    Whoever is answered that nothing was done asks again; whoever is answered that it is under way
    asks again if impatient.
    """
    world = adversary.world
    paid = _payments(world, target)
    if not paid:
        return
    chance = Chance(world.seed, f"refund {target.id} {target.seq} {len(paid)}")
    for n in range(chance.pick((1, 2))):
        part = chance.pick((None, None, paid[-1].amount.amount_minor // 3))
        at_us = world.clockwork.now_us + chance.between(0, SECOND // 10)
        asked = f"{ASKED} {paid[-1].id} {world.clockwork.now_us} {n}"
        _ask_refund(world, paid[-1], part, asked, at_us, TIMES_ASKED)


def _payments(world: World, target: Subscription) -> list[Order]:
    history = world.table.query(keys.history(target.merchant, target.customer))
    paid = [o for o in history if isinstance(o, Order) and o.kind in {"sale", "rebill"}]
    return [o for o in paid if o.subscription == target.id and o.amount]


def _cancel(world: World, target: Subscription, when: When) -> None:
    def work() -> None:
        ports, source = world.ports, Source.CUSTOMER
        found = subscriptions.fresh(ports, target.merchant, target.id)
        ending = cancel.request(ports, found, when=when, source=source, now=ports.clock())
        if ending.result is cancel.Result.ENDED:
            world.oracle.cancelled[target.id] = instant(world.clockwork.now_us)

    world.clockwork.spawn(f"cancel {target.id}", work, world.clockwork.now_us, answered)


def _undo(ports: Ports, target: Subscription) -> None:
    cancel.undo(ports, target.merchant, target.id, now=ports.clock())


def _ask_refund(
    world: World, paid: Order, amount_minor: int | None, asked: str, at_us: int, times: int
) -> None:
    """Asks for a refund without an idempotency key.

    `asked` names the request that it belongs to, and is kept as the refund's reason.
    """
    ports, again_us = world.ports, 3 * SECOND

    def again(wish: str) -> None:
        if times > 1:
            soon = world.clockwork.now_us + again_us
            _ask_refund(world, paid, amount_minor, wish, soon, times - 1)

    def work() -> None:
        try:
            made = refund.request(
                ports,
                refund.payment(ports, paid.merchant, paid.id),
                amount_minor=amount_minor,
                source=Source.MERCHANT,
                reason=asked,
                now=ports.clock(),
            )
        except Uncertain:
            raise  # advised to look first
        except Unavailable:
            again(asked)
            raise
        if isinstance(made, refund.UnderWay):
            again(f"{asked} though under way")

    world.clockwork.spawn(f"refund {paid.subscription}", work, at_us, answered)


ACTIONS: dict[type, tuple[Action, ...]] = {
    Subscription: (
        *(double_message, double_message, sweep, answer_the_bank, dispute),
        *(ask_to_cancel, ask_for_refund),
        *(refund_last, refund_at_gateway, send_back),
        *(cancel_now, cancel_at_end, pause_now, pay_now, other_plan, freeze_next),
        cheaper_then_back,
        *(new_card, other_card, remove_card, bank_renews),
        change_email,
    ),
    Checkout: (click_again, come_back, look_at_attempt, sweep, answer_the_bank),
}


MINDS: dict[str, tuple[float, tuple[Action, ...]]] = {
    "mind": (0.3, (cancel_now, cancel_at_end, refund_last, refund_last)),
    "bank": (0.3, (dispute,)),
    "bank again": (0.15, (dispute,)),
    "dashboard": (0.1, (refund_at_gateway,)),
    "sent back": (0.1, (send_back,)),
    "support": (0.25, (ask_to_cancel, ask_to_cancel, ask_for_refund)),
    "break": (0.4, (pause_now, freeze_next)),
    "plan": (0.3, (other_plan,)),
    "value": (0.2, (cheaper_then_back,)),
    "card": (0.3, (new_card,)),
    "card again": (0.15, (new_card, other_card, remove_card)),
    "renewal": (0.3, (bank_renews,)),
    "renewal again": (0.15, (bank_renews,)),
    "address": (0.15, (change_email,)),
    "invoice": (0.3, (download,)),
    "invoice again": (0.3, (download,)),
}
"""The share of ordinary customers that do one of these some day."""


def _owner(target: Subscription | Checkout) -> tuple[str, ...]:
    if isinstance(target, Checkout):
        return (target.merchant, target.key)
    return (target.merchant, target.customer, target.id)
