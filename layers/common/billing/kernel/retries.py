"""Retries of a declined payment: how many, how far apart, and what comes after the last (R-4)."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from billing.kernel.values import Value


class FinalAction(StrEnum):
    """The end of a subscription's retry schedule: cancel it, or keep it past due (R-4)."""

    CANCEL = "cancel"
    KEEP_PAST_DUE = "keep_past_due"


HELD_LEAST, HELD_MOST = timedelta(minutes=15), timedelta(days=1)


def asked_again_at(held_since: datetime, now: datetime) -> datetime:
    """Returns when to ask again about a payment that its gateway holds back: after as long as it
    has been held so far, and once a day at least, for its event may be lost."""
    return now + min(max(now - held_since, HELD_LEAST), HELD_MOST)


class RetrySchedule(Value):
    """Dunning: `attempts` in all, `every_days` apart, then the final action (R-4)."""

    every_days: int = 3
    attempts: int = 4
    final_action: FinalAction = FinalAction.CANCEL


class AfterDecline(Value):
    """The dates that follow a decline.

    `due_at` is when the worker checks again, `retry_at` when it tries again (None after a hard
    decline). Both are None when the retries are used up.
    """

    retry_at: datetime | None
    due_at: datetime | None


def after_decline(
    attempt: int, *, retryable: bool, schedule: RetrySchedule, now: datetime
) -> AfterDecline:
    """Returns the dates that follow the `attempt`-th decline (R-4).

    A hard decline is not retried automatically, but the final action still comes on the day the
    cycle would have ended, so that there is as much time for a new card as ever.
    """
    left = schedule.attempts - attempt
    if left <= 0:
        return AfterDecline(None, None)
    step = timedelta(days=schedule.every_days)
    if not retryable:
        return AfterDecline(None, now + step * left)
    return AfterDecline(now + step, now + step)


def cancels_at_the_end(schedule: RetrySchedule) -> bool:
    """True if a subscription is cancelled when its retries are used up (R-4)."""
    return schedule.final_action is FinalAction.CANCEL
