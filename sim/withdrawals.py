"""Buyers withdraw from what they bought, and get back what the law says, to the cent (X-10).

In some seeds some buyers in Germany withdraw within fourteen days, or just after them: with
an Order ID, signed in or as anybody could, at any moment or while a payment is being charged. Half
of them had asked for an immediate start. What each payment gives back is computed a second time
here, in fractions and by the second calendar.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from fractions import Fraction
from functools import partial
from math import ceil
from typing import Any
from zoneinfo import ZoneInfo

from billing.checkout.checkouts import Checkout
from billing.declarations.declarations import Declaration, DeclarationState, Kind
from billing.kernel.customers import Consent
from billing.kernel.invoices import Invoice
from billing.kernel.orders import Order
from billing.refunds.chargebacks import Chargeback
from billing.refunds.refunds import Refund, RefundState
from sim import declarations
from sim.buyers import Buyer
from sim.chance import Chance
from sim.invariants import Violation
from sim.price_of_change import nth_payment
from sim.virtual_clock import DAY, MINUTE, SECOND, answered
from sim.world import World

A_DAY = timedelta(days=1)
FIRST_PERIODS = {"1w": 7, "2w": 14}
"""The days after which a subscription's second payment is charged within the time to withdraw."""

GIVEN = frozenset({RefundState.SUCCEEDED, RefundState.RETURNED})


def begin(world: World, buyer: Buyer) -> None:
    """Plans that a buyer withdraws, once or twice."""
    chance = Chance(world.seed, f"withdraws {buyer.key}")
    for number in range(chance.pick((1, 1, 2))):
        after_us = int(chance.stretched(MINUTE, 16 * DAY))
        charge_us = _first_charge_us(world, buyer)
        if charge_us is not None and chance.happens(0.6):
            after_us = charge_us + int(chance.stretched(SECOND // 10, 5 * MINUTE))
        how = chance.pick(("order", "order", "portal", "stranger"))
        act = partial(_withdraw, world, buyer, how, number)
        world.clockwork.at(buyer.purchase.at_us + after_us, act)


def at_call(world: World, buyers: Iterable[Buyer], bought: str, call: str) -> None:
    """Withdraws at a port call on a purchase that is made to be withdrawn from, in half of them."""
    for buyer in buyers:
        answer = buyer.answer
        if not buyer.purchase.withdraws or answer is None or answer.purchase != bought:
            continue
        chance = Chance(world.seed, f"withdraws at {call}")
        if chance.happens(0.5):
            how = chance.pick(("order", "order", "portal", "stranger"))
            soon_us = world.clockwork.now_us + chance.pick((0, 0, 1_000, 30_000, SECOND))
            world.clockwork.at(soon_us, partial(_withdraw, world, buyer, how, call))


def _first_charge_us(world: World, buyer: Buyer) -> int | None:
    """Returns how long after the purchase the next payment is charged, if a buyer may then still
    withdraw."""
    (terms,) = (p.terms for _, p in world.plan.products if p.id == buyer.purchase.price_point)
    if terms.initial is not None:
        return int(terms.initial.length.days * DAY)
    days = FIRST_PERIODS.get("" if terms.period is None else terms.period.value)
    return None if days is None else days * DAY


def _withdraw(world: World, buyer: Buyer, how: str, number: int | str) -> None:
    bought = buyer.answer
    if bought is None or bought.state.value != "paid":
        return
    rebills = bought.invoice.subscription is not None
    has_order = bool(bought.invoice.total) and (how == "order" or not rebills)
    order = bought.invoice.order_id if has_order else None
    if order is None and not rebills:
        return
    world.oracle.tally["withdrawals"] += 1
    work = partial(
        declarations.send,
        world,
        (bought.merchant, bought.customer),
        bought.purchase,
        Kind.WITHDRAWAL,
        f"{buyer.key} withdraws {number}",
        order,
        how == "portal" and rebills,
    )
    name = f"withdraws {buyer.purchase.number}"
    world.clockwork.spawn(name, work, world.clockwork.now_us, answered)


def withdrawals_are_exact(world: World, found: Mapping[type, list[Any]]) -> None:
    """Checks that each withdrawal that was carried out gave back what is owed, to the cent (11)."""
    beside: defaultdict[str, int] = defaultdict(int)
    for refund in found[Refund]:
        beside[refund.invoice] += refund.amount.amount_minor
    for dispute in found[Chargeback]:
        beside[dispute.invoice] += dispute.amount.amount_minor
    refunds = {each.id: each for each in found[Refund]}
    for each in found[Declaration]:
        over = each.state is DeclarationState.CARRIED_OUT
        if each.declared.kind is not Kind.WITHDRAWAL or not over:
            continue
        for invoice in _paid(each, found):
            owed = _owed_minor(world, each, invoice, found)
            made = refunds.get(f"{invoice.id}:{each.id}")
            given = 0 if made is None else made.amount.amount_minor
            others = beside[invoice.id] - given
            if owed is None:
                continue
            if others == 0:
                part = "part" if owed < invoice.total.amount_minor else "full"
                world.oracle.tally[f"withdrawn_in_{part}"] += 1
            least = 0 if each.id in world.oracle.by_hand else max(0, owed - others)
            if not least <= given <= owed:
                text = f"{each.id} gives back {given} of {invoice.id}, and owes {owed}"
                raise Violation("11", text, invoice.id, invoice.purchase)
            if made is not None and others == 0 and made.state not in GIVEN:
                raise Violation("11", f"{made.id} is {made.state}", invoice.id, invoice.purchase)


def _paid(each: Declaration, found: Mapping[type, list[Any]]) -> list[Invoice]:
    """Returns the invoices of the payments that a withdrawal is about."""
    about = set(each.about)
    paid = {
        order.invoice
        for order in found[Order]
        if order.kind.value in {"sale", "rebill"}
        and order.amount
        and (order.subscription in about if about else order.id == each.order)
    }
    return [invoice for invoice in found[Invoice] if invoice.id in paid]


def _owed_minor(
    world: World, each: Declaration, invoice: Invoice, found: Mapping[type, list[Any]]
) -> int | None:
    """Returns how much of a payment is owed, in minor units; None where no second calendar says
    which days it pays for."""
    total = invoice.total.amount_minor
    asked = {
        consent.purchase
        for consent in found[Consent]
        if consent.starts_at_once is not None and consent.merchant == each.merchant
    }
    if invoice.purchase not in asked:
        return total
    days = _days(world, invoice, found)
    if days is None:
        return None
    used = max(0, (each.at - invoice.scheduled_at) // A_DAY)
    return ceil(total * Fraction(max(0, days - used), days))


def _days(world: World, invoice: Invoice, found: Mapping[type, list[Any]]) -> int | None:
    (begun,) = (each for each in found[Checkout] if each.purchase == invoice.purchase)
    stands = world.oracle.subscription(invoice.purchase)
    if stands is None or stands.anchor != begun.anchor or invoice.plan_change is not None:
        return None
    if invoice.price_point != begun.price_point or begun.terms.period is None:
        return None
    zone, period = begun.anchor.zone, begun.terms.period.value
    if invoice.period is None:
        assert begun.terms.initial is not None, "it is the initial payment"
        until = begun.anchor.instant
        return _days_between(invoice.scheduled_at, until, zone)
    ends = (invoice.period, invoice.period + 1)
    since, until = (nth_payment(begun.anchor.wall, zone, period, k) for k in ends)
    return _days_between(since, until, zone)


def _days_between(since: datetime, until: datetime, zone: str) -> int:
    here = ZoneInfo(zone)
    return (until.astimezone(here).date() - since.astimezone(here).date()).days
