"""What may be charged, when it is tried again, and when it is given up (R-2, R-3, R-4, C-2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from billing.kernel.merchants import FinalAction, Merchant, RetrySchedule
from billing.kernel.orders import Order, OrderKind
from billing.kernel.periods import Anchor, start_of_next_local_day
from billing.kernel.subscription import CHARGEABLE, Subscription


class Hold(StrEnum):
    """Why a charge is not made now (R-3); the alarm stays and asks again."""

    BILLING_PAUSED = "billing_paused"
    DISARMED = "disarmed"
    STOPPED = "stopped"
    NOT_CHARGEABLE = "not_chargeable"
    CANCELLING = "cancelling"
    DISPUTED = "disputed"
    HELD = "held"
    COMPLETED = "completed"


LOOKS_AGAIN = timedelta(hours=1)
"""How long after billing was let go on the last of what it held is charged, at most."""

LOOKED_AT = (
    "state",
    "open_invoice",
    "period",
    "payments_made",
    "cancelling",
    "dispute",
    "held_for",
)
"""The fields of a subscription that `hold` rests on; every write past it expects them as read."""

RESTS = (*LOOKED_AT, "due_at", "retry_at", "pay_now", "waiting_since")
"""What a write rests on that leaves a subscription without an alarm, or with another one: that none
was set meanwhile, even where it saw none to take away."""

MONEY = (*LOOKED_AT, "funds", "credit_minor")
"""What a write rests on that begins a period, changes the plan or takes money back: that the funds
are as read, even where it leaves them as they are (A-4, B-7)."""


def hold(
    subscription: Subscription, merchant: Merchant, *, billing_paused: bool, environment: str
) -> Hold | None:
    """What forbids charging this subscription now, None if nothing does (R-3)."""
    if reason := selling_stopped(merchant, billing_paused=billing_paused, environment=environment):
        return reason
    if subscription.state not in CHARGEABLE:
        return Hold.NOT_CHARGEABLE
    if subscription.cancelling is not None:
        return Hold.CANCELLING
    if subscription.dispute in {"open", "lost"}:
        return Hold.DISPUTED
    if subscription.held:
        return Hold.HELD
    return Hold.COMPLETED if subscription.period_at is None else None


def selling_stopped(merchant: Merchant, *, billing_paused: bool, environment: str) -> Hold | None:
    """What forbids any charge for this merchant now, first payments included (R-3, W-5)."""
    if billing_paused:
        return Hold.BILLING_PAUSED
    if not merchant.armed_in(environment):
        return Hold.DISARMED
    return Hold.STOPPED if merchant.stopped else None


def too_late_to_ask(subscription: Subscription, merchant: Merchant, now: datetime) -> bool:
    """Whether the next payment was missed so long ago that the merchant must decide (R-2)."""
    scheduled = subscription.period_at
    assert scheduled is not None, "asked only of what may be charged"
    return now - scheduled > timedelta(days=merchant.settings.catch_up_days)


def alarm_after_payment(paid: Subscription, now: datetime) -> datetime | None:
    """When the worker looks again: the next scheduled instant, but on another local day (R-2)."""
    scheduled = paid.period_at
    if scheduled is None or scheduled > now:
        return scheduled
    return max(scheduled, start_of_next_local_day(now, paid.anchor.zone))


def alarm_while_held(subscription: Subscription, reason: Hold, now: datetime) -> datetime | None:
    """When the worker looks again at what it may not charge now.

    Whoever ends a dispute or decides a ticket sets the next alarm: never (W-4) and once a day
    (H-4). Who lets a merchant or all of billing go on does not know what waited: once an hour.
    Everything else is over with the lease.

    Disputed past due with nothing open would count as given up without an alarm (R-5): once a day.
    """
    match reason:
        case Hold.BILLING_PAUSED | Hold.DISARMED | Hold.STOPPED:
            return now + LOOKS_AGAIN
        case Hold.HELD:
            return now + timedelta(days=1)
        case Hold.DISPUTED:
            counts_as_unpaid = replace(subscription, due_at=None).is_unpaid
            return now + timedelta(days=1) if counts_as_unpaid else None
    return subscription.due_at


def not_yet(subscription: Subscription, now: datetime) -> bool:
    """Whether the next payment must wait: for its scheduled instant, or for another local day than
    that of the last standard payment (R-2)."""
    scheduled = subscription.period_at
    assert scheduled is not None, "asked only of what may be charged"
    return scheduled > now or charged_today(subscription, now)


def charged_today(subscription: Subscription, now: datetime) -> bool:
    """Whether a standard payment already succeeded on this local day (R-2)."""
    today = Anchor.at(now, subscription.anchor.zone).wall.date()
    return subscription.last_charged_on == today


@dataclass(frozen=True, slots=True)
class AfterDecline:
    """`due_at` is when the worker looks again, `retry_at` when it tries again (None after a hard
    decline); both None when it is over now."""

    retry_at: datetime | None
    due_at: datetime | None


def after_decline(
    attempt: int, *, retryable: bool, schedule: RetrySchedule, now: datetime
) -> AfterDecline:
    """What follows the `attempt`-th decline (R-4).

    A hard decline is not tried again by itself, but the final action still comes on the day the
    cycle would have ended, so that a new card has as long as ever.
    """
    left = schedule.attempts - attempt
    if left <= 0:
        return AfterDecline(None, None)
    step = timedelta(days=schedule.every_days)
    if not retryable:
        return AfterDecline(None, now + step * left)
    return AfterDecline(now + step, now + step)


def cancels_at_the_end(schedule: RetrySchedule) -> bool:
    """Whether a subscription whose retries are used up is cancelled (R-4)."""
    return schedule.final_action is FinalAction.CANCEL


REPEAT_WINDOW = timedelta(hours=24)


def is_repeat(
    product: str,
    subscriptions: Iterable[Subscription],
    orders: Iterable[Order],
    now: datetime,
) -> bool:
    """Whether a customer has this product already: its subscription lives, or it was bought within
    24 hours; buying it again must be confirmed (C-2)."""
    if any(s.product == product and s.is_live for s in subscriptions):
        return True
    return any(
        o.product == product and o.kind is OrderKind.SALE and now - o.at < REPEAT_WINDOW
        for o in orders
    )
