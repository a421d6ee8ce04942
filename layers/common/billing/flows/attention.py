"""What needs a look: alarms long past, and payments that wait for the merchant (R-2, R-9)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from billing import policy
from billing.flows.paging import part
from billing.merchants import Merchant
from billing.money import Money
from billing.policy import Hold
from billing.ports import Page, Ports
from billing.subscription import Alarm, Subscription

OVERDUE_AFTER = timedelta(hours=1)
READ_AT_ONCE = 200
READS_AT_MOST = 25


@dataclass(frozen=True, slots=True)
class Matter:
    """One subscription that needs a look.

    `since` is the alarm that nobody answered, or when the wait began; `payments` are those missed
    by now and `total` what they come to before tax. `reason` is what is known to hold it.
    """

    what: Literal["overdue", "waiting"]
    subscription: Subscription
    since: datetime
    payments: int
    total: Money
    reason: Hold | None


def page(
    ports: Ports, merchant: Merchant, *, limit: int, cursor: str | None, now: datetime
) -> Page[Matter]:
    """Everything that needs a look: what is overdue, longest first, then what waits."""
    found = [*overdue(ports, merchant, now=now), *waiting(ports, merchant, now=now)]
    return part(found, lambda matter: matter.subscription.id, limit=limit, cursor=cursor)


def overdue(ports: Ports, merchant: Merchant, *, now: datetime) -> list[Matter]:
    """Subscriptions whose alarm is more than an hour past, oldest first; never asks the sweep."""
    found = [
        matter
        for kind in (Alarm.BILL, Alarm.CANCEL)
        for shard in range(ports.operation.shards)
        for matter in _overdue(ports, merchant, kind, shard, now)
    ]
    return sorted(found, key=lambda matter: matter.since)


def waiting(ports: Ports, merchant: Merchant, *, now: datetime) -> list[Matter]:
    """Subscriptions whose missed payments wait until the merchant says charge or skip (R-2)."""
    return [
        _matter("waiting", subscription, subscription.waiting_since, None, now)
        for subscription in _subscriptions(ports, merchant, now)
        if subscription.waiting_since is not None
    ]


def _overdue(
    ports: Ports, merchant: Merchant, kind: Alarm, shard: int, now: datetime
) -> Iterator[Matter]:
    dues = ports.store.due(kind, shard, now - OVERDUE_AFTER, READ_AT_ONCE * READS_AT_MOST)
    ours = [due for due in dues if due.owner[0] == merchant.id]
    owners = [(due.owner[0], due.owner[1], due.owner[2]) for due in ours]
    for due, subscription in zip(ours, ports.store.subscriptions(owners), strict=True):
        # The index may be behind: what was charged a moment ago has another alarm by now.
        if subscription is not None and subscription.due_at == due.due_at:
            paused = ports.operation.billing_paused
            reason = policy.hold(subscription, merchant, billing_paused=paused)
            yield _matter("overdue", subscription, due.due_at, reason, now)


def _matter(
    what: Literal["overdue", "waiting"],
    subscription: Subscription,
    since: datetime,
    reason: Hold | None,
    now: datetime,
) -> Matter:
    missed = _missed(subscription, now)
    price = subscription.terms.price
    total = Money(price.amount_minor * missed, price.currency)
    return Matter(what, subscription, since, missed, total, reason)


def _missed(subscription: Subscription, now: datetime) -> int:
    total = subscription.terms.standard_payments
    period = subscription.period
    while total is None or period < total:
        if subscription.payment_at(period) > now:
            break
        period += 1
    return period - subscription.period


def _subscriptions(ports: Ports, merchant: Merchant, now: datetime) -> Iterator[Subscription]:
    cursor: str | None = None
    for _ in range(READS_AT_MOST):
        page = ports.store.subscriptions_started(
            merchant.id,
            since=merchant.created_at,
            until=now + timedelta(microseconds=1),
            limit=READ_AT_ONCE,
            cursor=cursor,
        )
        yield from page.data
        cursor = page.next
        if cursor is None:
            return
