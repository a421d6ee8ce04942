"""Carries out a declaration as of its date: ends it, and gives back what was charged since (X-10).

Each step is found done when it is tried again: a subscription ends once, and the refund of a
payment is named by the declaration. So after a crash anywhere the next look goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from billing.cancel.flows import cancel, release_hold
from billing.cancel.flows.cancel import Result
from billing.declarations import matching
from billing.declarations.declarations import DECIDED_ON, Declaration, Kind, Reason
from billing.declarations.flows import withdraw
from billing.declarations.flows.repayment import RefundUnderWay, Unrefundable, repay
from billing.kernel.errors import Conflict, Refused, Unavailable
from billing.kernel.flows import subscriptions
from billing.kernel.orders import PAYMENTS, Order
from billing.kernel.ports import Ports
from billing.kernel.subscription import Source, State, Subscription, When
from billing.kernel.values import replace
from billing.kernel.writes import Change, Transaction

HOUSE, CUSTOMER = "house", "customer"
REASON = "declared"
HAS_ENDED = frozenset({"already_cancelled", "completed"})
AFTER_CHARGE = timedelta(hours=1)
TRIES = 4
ORDERS_MOST = 100


class ChargeUnderWay(Exception):
    """A charge is under way, which the gateway's answer decides first (X-6)."""


def carry_out(ports: Ports, found: Declaration, now: datetime) -> str:
    """Carries a declaration out, or leaves it for later or to a person; returns what it did."""
    if found.customer is None:
        return to_agent(ports, found, Reason.NO_PURCHASE, now)
    about = _about(ports, found)
    if isinstance(about, Reason):
        return to_agent(ports, found, about, now)
    found = _noted(ports, found, about)
    try:
        if found.declared.kind is Kind.WITHDRAWAL and found.is_verified:
            return _withdraw(ports, found, about, now)
        return _cancel(ports, found, about, now)
    except (ChargeUnderWay, RefundUnderWay, Unavailable):
        return _later(ports, found, now + ports.operation.lease)
    except Unrefundable:
        return to_agent(ports, found, Reason.REFUND, now)


def to_agent(ports: Ports, found: Declaration, why: Reason, now: datetime) -> str:
    """Leaves a declaration to a person; it holds nothing from then on."""
    left = found.for_agent(why)
    ports.store.commit(Change(found, left, expecting=DECIDED_ON), *_let_go(ports, found, now))
    return "to_agent"


def _about(ports: Ports, found: Declaration) -> list[Subscription] | Reason:
    """Returns the subscriptions that it is about, or why a person must find out."""
    assert found.customer is not None, "it is matched"
    if found.about:
        return bought(ports, found, found.about) or Reason.NO_PURCHASE
    if found.order is not None:
        one_time = found.declared.kind is Kind.WITHDRAWAL
        return [] if one_time else Reason.NOTHING_RUNS
    held = ports.store.holdings(found.merchant, found.customer).subscriptions
    candidates = likely(ports, found, found.customer, held)
    if len(candidates) > 1:
        return Reason.SEVERAL
    return candidates or Reason.NOTHING_RUNS


def _noted(ports: Ports, found: Declaration, about: list[Subscription]) -> Declaration:
    """Notes which subscriptions a declaration is about before any of them ends: what has ended is
    found by no words."""
    if found.about or not about:
        return found
    noted = replace(found, about=tuple(each.id for each in about))
    ports.store.commit(Change(found, noted, expecting=DECIDED_ON))
    return noted


def likely(
    ports: Ports, found: Declaration, customer: str, held: Sequence[Subscription]
) -> list[Subscription]:
    """Returns the running subscriptions that a declaration of a customer may be about."""
    orders = ports.store.orders_of(found.merchant, customer, limit=ORDERS_MOST).data
    return matching.candidates(found, held, {each.product_name for each in orders})


def _cancel(ports: Ports, found: Declaration, about: list[Subscription], now: datetime) -> str:
    if any(each.is_live and matching.goes_to_agent(found, each) for each in about):
        return to_agent(ports, found, Reason.INSTALLMENTS, now)
    waits = [found.waits_until(each, now) for each in about if each.is_live]
    later = [each for each in waits if each is not None]
    if later:
        return _later(ports, found, min(later) + AFTER_CHARGE)
    owed: list[Order] = []
    ended = []
    for each in about:
        left, late = _end(ports, found, each, now)
        owed += late
        ended.append(left.ends_at)
    if not found.is_verified and (owed or found.declared.kind is Kind.WITHDRAWAL):
        # Its end is done; its money waits for proof.
        return to_agent(ports, found, Reason.REFUND, now)
    refunded = repay(ports, found, [(order, None) for order in owed], now)
    ends_at = max((each for each in ended if each is not None), default=None)
    by = CUSTOMER if found.is_verified else HOUSE
    return done(ports, found, now, by, ends_at, refunded)


def _withdraw(ports: Ports, found: Declaration, about: list[Subscription], now: datetime) -> str:
    plan = withdraw.plan(ports, found, about)
    if isinstance(plan, Reason) and plan not in {Reason.REFUND, found.why}:
        return to_agent(ports, found, plan, now)
    late: list[Order] = []
    for each in about:
        late += _end(ports, found, each, now)[1]
    # A charge that came between is a payment of the purchase as well.
    plan = withdraw.plan(ports, found, about)
    if isinstance(plan, Reason):
        if plan is not found.why:
            return to_agent(ports, found, plan, now)
        # A person has decided for that very reason: no law says how much of what was paid before
        # goes back, and they give it back by hand.
        plan = [(order, None) for order in late]
    refunded = repay(ports, found, plan, now)
    if found.why is not Reason.REFUND and withdraw.began_elsewhere(ports, about):
        return to_agent(ports, found, Reason.REFUND, now)
    return done(ports, found, now, CUSTOMER, found.at, refunded)


def _end(
    ports: Ports, found: Declaration, read: Subscription, now: datetime
) -> tuple[Subscription, list[Order]]:
    """Ends a subscription as of the declaration; returns it with the payments made since.

    Where there are any, it ends now: the period that they paid for is given back. Not before it is
    verified: until then it ends with that period.
    """
    since = found.binds_at(read.anchor.zone)
    late: list[Order] = []
    for _ in range(TRIES):
        current = subscriptions.again(ports, read)
        late = _paid_since(ports, current, since)
        if not current.is_live:
            return current, late
        given_back = bool(late) and found.is_verified
        pending = current.state is State.CANCEL_PENDING
        if pending and not given_back and _is_as_asked(found, current):
            return current, late
        when = When.NOW if given_back else matching.when_of(found, current)
        as_of = now if late or since > found.at else found.at
        try:
            ending = cancel.request(
                ports,
                current,
                when=when,
                source=Source.CUSTOMER,
                reason=REASON,
                ticket=found.id,
                now=as_of,
            )
        except Refused as refused:
            if refused.code not in HAS_ENDED:
                raise
            current = subscriptions.again(ports, read)
            return current, _paid_since(ports, current, since)
        if ending.result is Result.CHARGE_UNDER_WAY:
            raise ChargeUnderWay()
    raise Conflict()


def _is_as_asked(found: Declaration, pending: Subscription) -> bool:
    """Tests whether the end that is pending is the one that was declared."""
    return matching.when_of(found, pending) is When.PERIOD_END


def _paid_since(ports: Ports, subscription: Subscription, since: datetime) -> list[Order]:
    owner = (subscription.merchant, subscription.customer)
    page = ports.store.orders_of(*owner, limit=ORDERS_MOST, since=since)
    return matching.paid_since(page.data, subscription.id, since, PAYMENTS)


def _later(ports: Ports, found: Declaration, until: datetime) -> str:
    """Looks again later; what comes before a later day is charged meanwhile."""
    later = replace(found, due_at=until)
    ports.store.commit(Change(found, later, expecting=DECIDED_ON))
    return "later"


def done(
    ports: Ports,
    found: Declaration,
    now: datetime,
    by: str,
    ends_at: datetime | None,
    refunded: Sequence[str],
) -> str:
    """Marks a declaration as carried out; nothing is held for it from then on."""
    after = found.carried_out(now, by, ends_at, tuple(refunded))
    ports.store.commit(Change(found, after, expecting=DECIDED_ON), *_let_go(ports, found, now))
    return "carried_out"


def _let_go(ports: Ports, found: Declaration, now: datetime) -> Transaction:
    about = bought(ports, found, found.about) if found.held else []
    return release_hold.let_go(ports, about, found.id, now)


def bought(ports: Ports, found: Declaration, about: tuple[str, ...]) -> list[Subscription]:
    """Returns subscriptions of the customer of a declaration as they are now."""
    if found.customer is None or not about:
        return []
    owners = [(found.merchant, found.customer, each) for each in about]
    return [each for each in ports.store.subscriptions(owners) if each is not None]
