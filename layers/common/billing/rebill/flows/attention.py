"""Charges that need a look: long overdue, or waiting for the merchant (R-2, R-9)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from billing.kernel.due import DueKind
from billing.kernel.flows.paging import pages, part
from billing.kernel.lists import Page
from billing.kernel.merchants import Merchant
from billing.kernel.money import Money
from billing.kernel.ports import Ports
from billing.kernel.subscription import Subscription
from billing.rebill.flows import missed

READ_AT_ONCE = 200
READS_AT_MOST = 25


@dataclass(frozen=True, slots=True)
class Matter:
    """One subscription that needs a look.

    `since` is the due date that was missed, or when the wait began; `payments` are those missed by
    now and `total` is their sum before tax. `reason` is what is known to hold it. For `credit` that
    an ended subscription left, `since` is its end and `total` what is left.
    """

    what: Literal["parked", "overdue", "waiting", "credit"]
    subscription: Subscription
    since: datetime
    payments: int
    total: Money
    reason: str | None


def page(
    ports: Ports, merchant: Merchant, *, limit: int, cursor: str | None, now: datetime
) -> Page[Matter]:
    """Lists everything that needs a look: parked, overdue (longest first), then waiting."""
    sold = list(_subscriptions(ports, merchant, now))
    found = [
        *parked(ports, merchant, now=now),
        *overdue(ports, merchant, now=now),
        *_waiting(sold, now),
        *_credit(sold),
    ]
    return part(found, lambda matter: matter.subscription.id, limit=limit, cursor=cursor)


def overdue(ports: Ports, merchant: Merchant, *, now: datetime) -> list[Matter]:
    """Lists subscriptions that are overdue by an hour, longest first (R-9)."""
    return [
        _matter("overdue", late.subscription, late.since, late.hold or _under_way(late), now)
        for late in missed.find(ports, now=now, merchant=merchant.id)
        if late.subscription is not None
    ]


def parked(ports: Ports, merchant: Merchant, *, now: datetime) -> list[Matter]:
    """Lists subscriptions on which our own code failed five times: a person must look (R-9)."""
    failures = [
        failure
        for failure in ports.store.failures(merchant.id)
        if failure.kind in {DueKind.BILL, DueKind.CANCEL} and failure.is_parked(now)
    ]
    owners = [(t.owner[0], t.owner[1], t.owner[2]) for t in failures]
    return [
        _matter("parked", subscription, failure.first_at, "failed", now)
        for failure, subscription in zip(failures, ports.store.subscriptions(owners), strict=True)
        if subscription is not None and subscription.is_live
    ]


def waiting(ports: Ports, merchant: Merchant, *, now: datetime) -> list[Matter]:
    """Lists subscriptions with missed payments that wait for the merchant's decision (R-2)."""
    return _waiting(_subscriptions(ports, merchant, now), now)


def _waiting(sold: Iterable[Subscription], now: datetime) -> list[Matter]:
    return [
        _matter("waiting", subscription, subscription.waiting_since, None, now)
        for subscription in sold
        if subscription.waiting_since is not None
    ]


def _credit(sold: Iterable[Subscription]) -> list[Matter]:
    """Lists ended subscriptions with credit that was neither refunded nor used (A-4)."""
    return [
        Matter(
            "credit",
            subscription,
            subscription.ends_at,
            0,
            Money(subscription.credit_minor, subscription.terms.price.currency),
            None,
        )
        for subscription in sold
        if subscription.credit_minor > 0 and not subscription.is_live and subscription.ends_at
    ]


def _under_way(late: missed.Missed) -> str | None:
    return late.why.value if late.why is missed.Why.UNDER_WAY else None


def _matter(
    what: Literal["parked", "overdue", "waiting"],
    subscription: Subscription,
    since: datetime,
    reason: str | None,
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
    until = now + timedelta(microseconds=1)
    for page in pages(
        lambda cursor: ports.store.subscriptions_started(
            merchant.id, since=merchant.created_at, until=until, limit=READ_AT_ONCE, cursor=cursor
        ),
        at_most=READS_AT_MOST,
    ):
        yield from page.data
