"""Lets go of charges that a request held, or hands the hold on to another that still waits (H-4).

The hold of a subscription is one field, so what else wants it is looked for when it is let go. The
write rests on that request as it was read: it is not decided in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from billing.cancel import charge_hold
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription
from billing.kernel.values import Value
from billing.kernel.writes import ConditionCheck, Transaction, Write

MOST = 50
"""The newest tickets, and the newest declarations, of a customer among which one may wait."""


class Waiting(Value):
    """A request that still waits for a decision, and the condition that it does."""

    id: str
    since: datetime
    waits: ConditionCheck


def release(
    ports: Ports,
    found: Iterable[Subscription],
    by: str,
    merchant: Merchant,
    now: datetime,
    *,
    denied: bool = False,
) -> Transaction:
    """Returns the writes that charge at once what `by` held, unless another request holds it on.

    `denied` is the customer's "no" to every declaration that nobody proved: none of those does.
    """

    def free(held: Subscription) -> Transaction:
        return charge_hold.release(held, by, merchant, now)

    return _handed_on(ports, found, by, now, free, declared=not denied)


def let_go(ports: Ports, found: Iterable[Subscription], by: str, now: datetime) -> Transaction:
    """Returns the writes that end the hold by `by`, unless another request holds it on."""

    def free(held: Subscription) -> Transaction:
        return charge_hold.let_go(held, by)

    return _handed_on(ports, found, by, now, free, declared=True)


def _handed_on(
    ports: Ports,
    found: Iterable[Subscription],
    by: str,
    now: datetime,
    free: Callable[[Subscription], Transaction],
    *,
    declared: bool,
) -> Transaction:
    writes: list[Write] = []
    waits: dict[str, ConditionCheck] = {}  # one declaration may wait for several subscriptions
    for each in found:
        if each.held_for != by:
            writes += charge_hold.holder_stands(each)
            continue
        after = _waiting(ports, each, by, now, declared=declared)
        if after is None:
            writes += free(each)
            continue
        writes += charge_hold.hold(each, after.id, after.since)
        waits[after.id] = after.waits
    return (*writes, *waits.values())


def _waiting(
    ports: Ports, held: Subscription, by: str, now: datetime, *, declared: bool
) -> Waiting | None:
    """Returns another request that holds the charges of a subscription until it is decided."""
    if not charge_hold.may_be_held(held):
        return None
    owner = (held.merchant, held.customer)
    for ticket in ports.store.tickets_of(*owner, limit=MOST).data:
        if ticket.id != by and ticket.holds(held.id):
            return Waiting(ticket.id, ticket.requested_at, ConditionCheck(ticket, ("state",)))
    for named in ports.store.declarations_of(*owner, MOST) if declared else ():
        found = ports.store.declaration(held.merchant, named.declaration)
        if found is not None and found.id != by and found.holds(held, now):
            return Waiting(found.id, found.at, ConditionCheck(found, ("state",)))
    return None
