"""A hold of a subscription's charges while somebody decides whether it ends (H-4, X-10).

It is by one field, `held_for`: the id of the ticket or declaration that it waits for. Who asks last
has it; `flows/release_hold` hands it on to who still waits once that is decided.
"""

from __future__ import annotations

from datetime import datetime

from billing.kernel import charge_eligibility
from billing.kernel.merchants import Merchant
from billing.kernel.subscription import CHARGEABLE, PayNow, State, Subscription
from billing.kernel.values import replace
from billing.kernel.writes import Change, ConditionCheck

RUNNING = CHARGEABLE - {State.PAST_DUE}
"""States in which a subscription is charged on its scheduled day."""

HOLDABLE = CHARGEABLE | {State.PAUSED, State.CANCEL_PENDING}
"""States in which a subscription is charged, or would be if somebody resumed it or undid its
cancellation."""


def hold(subscription: Subscription, by: str, since: datetime) -> tuple[Change, ...]:
    """Stops charges of a subscription until `by` is decided; a charge under way goes on.

    A hold of another request is taken over: it meets this write if it is decided meanwhile.
    """
    if not may_be_held(subscription) or subscription.held_for == by:
        return ()
    held = replace(subscription, held_for=by, held_since=since)
    return (Change(subscription, held, expecting=charge_eligibility.LOOKED_AT),)


def holder_stands(subscription: Subscription) -> tuple[ConditionCheck, ...]:
    """Returns the condition of deciding a request that does not hold: it is handed no hold
    meanwhile."""
    return (ConditionCheck(subscription, ("held_for",)),) if subscription.held else ()


def may_be_held(subscription: Subscription) -> bool:
    """Tests whether a request to cancel holds the subscription: not where a charge under way is to
    end it (X-6)."""
    pending = subscription.state is State.CANCEL_PENDING
    return subscription.state in HOLDABLE and (pending or subscription.cancelling is None)


def release(
    subscription: Subscription, by: str, merchant: Merchant, now: datetime
) -> tuple[Change, ...]:
    """Removes the hold and charges at once what was held (H-4), however late that made it."""
    if subscription.held_for != by:
        return ()
    free = _freed(subscription)
    if free.is_live and free.due_at is not None and _was_due(free, now):
        late = free.state in RUNNING and charge_eligibility.too_late_to_ask(free, merchant, now)
        asked = PayNow(now, None) if late else free.pay_now
        free = replace(free, due_at=now, pay_now=asked)
    return (
        Change(subscription, free, expecting=(*charge_eligibility.LOOKED_AT, "due_at", "pay_now")),
    )


def let_go(subscription: Subscription, by: str) -> tuple[Change, ...]:
    """Removes the hold of what was carried out, whoever asked for the coming end: if that is
    undone, the subscription must not stay held for ever (H-4, X-5)."""
    if subscription.held_for != by:
        return ()
    return (Change(subscription, _freed(subscription), expecting=charge_eligibility.LOOKED_AT),)


def _freed(subscription: Subscription) -> Subscription:
    return replace(subscription, held_for=None, held_since=None)


def _was_due(subscription: Subscription, now: datetime) -> bool:
    if subscription.pay_now is not None:
        return True
    if subscription.state is State.PAST_DUE:
        return subscription.retry_at is not None and subscription.retry_at <= now
    due = subscription.period_at
    return subscription.state in RUNNING and due is not None and due <= now
