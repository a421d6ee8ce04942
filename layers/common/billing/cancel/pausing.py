"""Pausing and resuming: nothing is charged in between, and nothing that was owed is lost (X-11).

A pause in which no payment fell due changes nothing: all goes on as it was. If one did, the next
payment is due at once and becomes the new anchor.
"""

from __future__ import annotations

from datetime import datetime

from billing.kernel.periods import Anchor
from billing.kernel.schedule import anchored_at
from billing.kernel.subscription import Interrupted, Source, State, Subscription
from billing.kernel.values import replace

MONTHS_MOST = 3
"""The longest pause that has an end, in months (X-11)."""


def ends(subscription: Subscription, now: datetime) -> tuple[datetime, ...]:
    """Returns the ends of a pause that a customer can choose from: whole months from now on."""
    start = Anchor.at(now, subscription.anchor.zone)
    return tuple(start.plus_months(n).instant for n in range(1, MONTHS_MOST + 1))


def pause(
    subscription: Subscription,
    now: datetime,
    by: Source = Source.MERCHANT,
    until: datetime | None = None,
) -> Subscription:
    """Pauses a subscription; access lasts to the end of the paid period (X-11).

    It resumes by itself at `until`; None is a pause without an end.

    Past due, it keeps its open invoice, and with it its place in the retry cycle.
    """
    if subscription.state is State.CANCEL_PENDING:
        running = subscription.cancel_undone()
        return _while_pending(subscription, pause(running, now, by, until))
    assert subscription.state in {State.TRIALING, State.ACTIVE, State.PAST_DUE}
    return replace(
        subscription,
        state=State.PAUSED,
        paused_from=subscription.state,
        paused_by=by,
        resumes_at=until,
        interrupted=Interrupted(
            now,
            subscription.payment_method,
            due_at=subscription.due_at,
            retry_at=subscription.retry_at,
            pay_now=subscription.pay_now,
            waiting_since=subscription.waiting_since,
        ),
        due_at=None,
        retry_at=None,
        pay_now=None,
        waiting_since=None,
    )


def resume(subscription: Subscription, now: datetime) -> Subscription:
    """Resumes as it was, if no payment fell due in the pause; else the next one is due at once.

    That one becomes the new anchor; what is owed in all stays the same (X-11). Where it then has no
    open invoice any more, that is to be voided in the same write.
    """
    if subscription.state is State.CANCEL_PENDING:
        return _while_pending(subscription, resume(subscription.cancel_undone(), now))
    assert subscription.state is State.PAUSED and subscription.paused_from is not None
    kept, scheduled = subscription.interrupted, subscription.period_at
    assert scheduled is not None, "what is live has something to come"
    again = replace(
        subscription,
        state=subscription.paused_from,
        paused_from=None,
        paused_by=None,
        interrupted=None,
        resumes_at=None,
    )
    if kept is not None and not _fell_due(subscription, kept.at, now):
        return _go_on(again, kept, now)
    if kept is None and scheduled > now:  # paused before pauses recorded what they took
        return replace(again, due_at=scheduled)
    start = Anchor.at(now, subscription.anchor.zone)
    anchor, first = anchored_at(subscription.terms, start, subscription.place)
    state = again.paid_state if again.state is State.PAST_DUE else again.state
    return replace(
        again,
        state=state,
        open_invoice=None,
        anchor=anchor,
        anchor_period=subscription.anchor_period + first,
        due_at=now,
    )


def _while_pending(pending: Subscription, running: Subscription) -> Subscription:
    """Keeps a cancellation pending, with another subscription to return to when it is undone."""
    assert pending.cancelling is not None, "it is pending"
    return running.cancel_pending(pending.cancelling)


def _fell_due(subscription: Subscription, since: datetime, until: datetime) -> bool:
    """Tells whether a standard payment was scheduled after `since` and no later than `until`."""
    total, k = subscription.terms.standard_payments, subscription.period
    while (total is None or k < total) and subscription.payment_at(k) <= until:
        if subscription.payment_at(k) > since:
            return True
        k += 1
    return False


def _go_on(again: Subscription, kept: Interrupted, now: datetime) -> Subscription:
    """Restores what the pause took; a due date that passed meanwhile is due now.

    Not the end of a retry cycle that tries no more: that leaves as long for a new card as it would
    have (R-4). Another card that was given meanwhile is tried at once (B-10), and a subscription
    that a bank disputed then and does not dispute now continues at its next date (W-4).
    """
    after = replace(
        again,
        due_at=kept.due_at,
        retry_at=kept.retry_at,
        pay_now=kept.pay_now,
        waiting_since=kept.waiting_since,
    )
    if kept.due_at is None:
        sleeps = kept.waiting_since is not None or again.dispute == "open"
        return after if sleeps else after.at_its_next_date(now)
    past_due = again.state is State.PAST_DUE
    due_at = max(kept.due_at, now)
    if past_due and kept.retry_at is None and kept.due_at <= now:
        due_at = now + (kept.due_at - kept.at)
    after = replace(after, due_at=due_at)
    other_card = again.payment_method != kept.payment_method
    return after.asked_to_pay(now) if past_due and other_card else after
