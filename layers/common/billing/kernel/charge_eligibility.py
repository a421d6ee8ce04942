"""Whether a subscription may be charged, and when it is looked at again (R-2, R-3, W-5)."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from billing.kernel.merchants import Merchant
from billing.kernel.periods import Anchor, start_of_next_local_day
from billing.kernel.subscription import CHARGEABLE, Subscription
from billing.kernel.values import replace


class Hold(StrEnum):
    """The reason why a charge is not made now (R-3); its due date stays, so that it is tried
    again."""

    BILLING_PAUSED = "billing_paused"
    DISARMED = "disarmed"
    STOPPED = "stopped"
    NOT_CHARGEABLE = "not_chargeable"
    CANCELLING = "cancelling"
    DISPUTED = "disputed"
    HELD = "held"
    COMPLETED = "completed"


LOOKS_AGAIN = timedelta(hours=1)
"""The longest delay between resuming billing and charging the last subscription it held."""

LOOKED_AT = (
    "state",
    "open_invoice",
    "period",
    "payments_made",
    "cancelling",
    "dispute",
    "held_for",
)
"""The subscription fields that `hold` reads; every write after it expects them unchanged."""

RESTS = (*LOOKED_AT, "due_at", "retry_at", "pay_now", "waiting_since")
"""The fields that a write expects unchanged when it removes or moves a due date.

So it fails if another writer set one meanwhile, even where it saw none to remove.
"""

PRICED_BY = (
    "price_point",
    "price_version",
    "anchor",
    "next_plan",
    "thaws_to",
    "credit_minor",
    "discount",
    "price_change",
)
"""The fields of a subscription that the amount of its next invoice depends on (A-4)."""

MONEY = (*LOOKED_AT, "funds", "credit_minor")
"""The fields that a write expects unchanged when it begins a period, changes the plan or refunds.

So the funds are as they were read, even if the write leaves them unchanged (A-4, B-7).
"""


def hold(
    subscription: Subscription, merchant: Merchant, *, billing_paused: bool, environment: str
) -> Hold | None:
    """Returns why this subscription must not be charged now, or None (R-3)."""
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
    """Returns why this merchant must not charge now, first payments included, or None (R-3,
    W-5)."""
    if billing_paused:
        return Hold.BILLING_PAUSED
    if not merchant.armed_in(environment):
        return Hold.DISARMED
    return Hold.STOPPED if merchant.stopped else None


def too_late_to_ask(subscription: Subscription, merchant: Merchant, now: datetime) -> bool:
    """True if the next payment was missed so long ago that the merchant must decide (R-2)."""
    scheduled = subscription.period_at
    assert scheduled is not None, "asked only of what may be charged"
    return now - scheduled > timedelta(days=merchant.settings.catch_up_days)


def due_after_payment(paid: Subscription, now: datetime) -> datetime | None:
    """Returns the next due date: the next scheduled instant, but on another local day (R-2)."""
    scheduled = paid.period_at
    if scheduled is None or scheduled > now:
        return scheduled
    return max(scheduled, start_of_next_local_day(now, paid.anchor.zone))


def due_while_held(subscription: Subscription, reason: Hold, now: datetime) -> datetime | None:
    """Returns the next due date of a subscription that may not be charged now.

    Settling a dispute or deciding a ticket sets the due date itself: there is no check for a
    dispute (W-4), and one a day for a ticket (H-4). Resuming a merchant, or all of billing, does
    not know what was waiting: one check an hour. Every other hold keeps the due date, the end of
    the lease: it is over by then.

    A disputed subscription that is past due with nothing open would count as given up without a due
    date (R-5): one check a day.
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
    """True if the next payment must wait for its scheduled instant, or for another local day.

    No payment is made on the local day of the last standard payment (R-2).
    """
    scheduled = subscription.period_at
    assert scheduled is not None, "asked only of what may be charged"
    return scheduled > now or charged_today(subscription, now)


def charged_today(subscription: Subscription, now: datetime) -> bool:
    """True if a standard payment already succeeded on this local day (R-2)."""
    today = Anchor.at(now, subscription.anchor.zone).wall.date()
    return subscription.last_charged_on == today
