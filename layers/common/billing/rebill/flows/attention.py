"""Charges that need a look: long overdue, or waiting for the merchant (R-2, R-9)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from billing.kernel.due import DueKind
from billing.kernel.flows import subscription_list
from billing.kernel.flows.paging import part
from billing.kernel.lists import Page
from billing.kernel.merchants import Merchant
from billing.kernel.money import Money
from billing.kernel.ports import Ports
from billing.kernel.subscription import TERMINAL, State, Subscription
from billing.kernel.values import Value
from billing.rebill.flows import missed

LIVE_FIRST = (
    State.PAST_DUE,
    State.CANCEL_PENDING,
    State.FROZEN,
    State.TRIALING,
    State.PAUSED,
    State.INCOMPLETE,
    State.ACTIVE,
)
"""Live states; those with few subscriptions come first, so that a list that is cut has them."""


class Matter(Value):
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


class Matters(Value):
    """A page of what needs a look; `complete` is false where there may be more than was read."""

    page: Page[Matter]
    complete: bool


def page(
    ports: Ports, merchant: Merchant, *, limit: int, cursor: str | None, now: datetime
) -> Matters:
    """Lists everything that needs a look: parked, overdue (longest first), then waiting."""
    sold = subscription_list.in_states(ports, merchant, (*LIVE_FIRST, *sorted(TERMINAL)), now=now)
    newest_first = sorted(sold.data, key=lambda each: (each.started_at, each.id), reverse=True)
    found = [
        *parked(ports, merchant, now=now),
        *_overdue(ports, merchant, newest_first, now),
        *_waiting(newest_first, now),
        *_credit(newest_first),
    ]
    shown = part(found, lambda matter: matter.subscription.id, limit=limit, cursor=cursor)
    return Matters(shown, sold.complete)


def overdue(ports: Ports, merchant: Merchant, *, now: datetime) -> list[Matter]:
    """Lists subscriptions that are overdue by an hour, longest first (R-9)."""
    live = subscription_list.in_states(ports, merchant, LIVE_FIRST, now=now)
    return _overdue(ports, merchant, live.data, now)


def _overdue(
    ports: Ports, merchant: Merchant, sold: Iterable[Subscription], now: datetime
) -> list[Matter]:
    return [
        _matter("overdue", late.subscription, late.since, late.hold or _under_way(late), now)
        for late in missed.among(ports, merchant, sold, now=now)
        if late.subscription is not None
    ]


def parked(ports: Ports, merchant: Merchant, *, now: datetime) -> list[Matter]:
    """Lists subscriptions on which our own code failed five times: a person must look (R-9)."""
    failures = [
        failure
        for failure in ports.store.failures(merchant.id)
        if failure.kind in {DueKind.BILL, DueKind.CANCEL} and failure.is_parked(now)
    ]
    if not failures:
        return []
    owners = [(t.owner[0], t.owner[1], t.owner[2]) for t in failures]
    return [
        _matter("parked", subscription, failure.first_at, "failed", now)
        for failure, subscription in zip(failures, ports.store.subscriptions(owners), strict=True)
        if subscription is not None and subscription.is_live
    ]


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
    total = _price_of(subscription, missed)
    return Matter(what, subscription, since, missed, total, reason)


def _price_of(subscription: Subscription, payments: int) -> Money:
    """Returns the price of so many payments to come, less their discount."""
    price, discount = subscription.terms.price, subscription.next_discount
    total = Money(0, price.currency)
    for _ in range(payments):
        total += price if discount is None else discount.reduced(price)
        discount = discount and discount.used()
    return total


def _missed(subscription: Subscription, now: datetime) -> int:
    total = subscription.terms.standard_payments
    period = subscription.period
    while total is None or period < total:
        if subscription.payment_at(period) > now:
            break
        period += 1
    return period - subscription.period
