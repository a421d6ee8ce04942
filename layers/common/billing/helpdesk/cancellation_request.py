"""A request to cancel: the charges it holds while a person decides it, and the effect of approving
it (H-4, X-8)."""

from __future__ import annotations

from datetime import datetime

from billing.cancel import cancellation, charge_hold
from billing.cancel.charge_hold import RUNNING
from billing.helpdesk.tickets import Ticket
from billing.kernel.catalog import Cancellation
from billing.kernel.periods import Anchor
from billing.kernel.subscription import CancelRequest, Source, Subscription, When
from billing.kernel.values import Value
from billing.kernel.writes import Change


class Effect(Value):
    """The effect of approving a request to cancel: `ends_at` is when the subscription ends or
    ended, None where its last payment completes it; `charge_at` a scheduled charge that is made
    before that (X-8). `zone` is the subscription's, whatever zone its merchant has now."""

    when: When
    zone: str
    ends_at: datetime | None
    charge_at: datetime | None = None


def effect(
    subscription: Subscription, requested_at: datetime, lets_stand: datetime | None
) -> Effect:
    """Returns the effect of a request as of its date, except for a charge that was too near to be
    stopped."""
    zone = subscription.anchor.zone
    if waits_for_charge(subscription, lets_stand):
        return Effect(When.PERIOD_END, zone, _end_of_next_period(subscription), lets_stand)
    when = when_of(subscription, lets_stand)
    if cancellation.takes_effect_now(subscription, request(when, requested_at)):
        return Effect(When.NOW, zone, requested_at)
    return Effect(When.PERIOD_END, zone, subscription.period_at)


def when_of(subscription: Subscription, lets_stand: datetime | None = None) -> When:
    """Returns when a cancellation takes effect, as the price point says (P-16); after a late
    request, at the end of the period that was paid for meanwhile (X-8)."""
    delayed = subscription.terms.cancellation is Cancellation.DELAYED
    return When.PERIOD_END if delayed or lets_stand is not None else When.NOW


def request(when: When, requested_at: datetime) -> CancelRequest:
    """Makes a customer's cancel request as of a date, without an Order ID yet."""
    return CancelRequest(when, Source.CUSTOMER, requested_at, "")


def too_near(
    subscription: Subscription, *, assisted: bool, notice_days: int, now: datetime
) -> datetime | None:
    """Returns the next charge if a request through support comes too late to stop it (X-8): fewer
    days before it, by the calendar of the subscription's zone, than the merchant asks for."""
    due = subscription.period_at
    if not assisted or subscription.state not in RUNNING or due is None or due <= now:
        return None
    zone = subscription.anchor.zone
    left = Anchor.at(due, zone).wall.date() - Anchor.at(now, zone).wall.date()
    return due if left.days < notice_days else None


def waits_for_charge(subscription: Subscription, lets_stand: datetime | None) -> bool:
    """Tests whether the charge that a late request does not stop is still to be made.

    A failed one is waited for as long as it is tried again; after that no paid period is left.
    """
    if lets_stand is None or subscription.cancelling is not None:
        return False
    due = subscription.period_at
    tried = subscription.state in RUNNING or subscription.retry_at is not None
    return due is not None and due <= lets_stand and tried


def hold(subscription: Subscription, ticket: Ticket) -> tuple[Change, ...]:
    """Stops charges of a subscription until the ticket is decided (H-4); a charge under way goes
    on."""
    if ticket.lets_stand is not None:
        return ()
    return charge_hold.hold(subscription, ticket.id, ticket.requested_at)


def _end_of_next_period(subscription: Subscription) -> datetime | None:
    after = subscription.period + 1
    total = subscription.terms.standard_payments
    return None if total is not None and after >= total else subscription.payment_at(after)
