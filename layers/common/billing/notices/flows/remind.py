"""Sends advance notices: renewals, ends of trials, expiring cards, each once (R-8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import partial

from billing.kernel.due import DueKind
from billing.kernel.flows import due
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.storage import Due
from billing.kernel.subscription import Subscription
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Remove, Write
from billing.notices import reminders
from billing.notices.reminders import Reminder

AccessEnded = Callable[[Ports, Merchant, Subscription, datetime, datetime], tuple[Write, ...]]
"""Returns the writes that log the end of access at an instant, as it stands now."""


def sweep(
    ports: Ports,
    *,
    now: datetime,
    limit: int = 500,
    keep_going: Callable[[], bool] = lambda: True,
    access_ended: AccessEnded | None = None,
) -> Counter[str]:
    """Checks every subscription whose reminder is due; a replay finds none left.

    `access_ended` logs that access ended by time alone, for merchants whose events are read (M-5).
    """
    dues = due.overdue(ports, DueKind.NOTICE, now=now, limit=limit)
    look = partial(_remind, ports, now, access_ended)
    return due.answer(ports, dues, look, now=now, keep_going=keep_going)


def _remind(ports: Ports, now: datetime, access_ended: AccessEnded | None, due: Due) -> str:
    merchant_id, customer, subscription_id = due.owner
    reminder = ports.store.reminder(merchant_id, customer, subscription_id)
    if reminder is None or reminder.due_at != due.due_at:
        return "stale"
    merchant = ports.store.merchant(merchant_id)
    subscription = ports.store.subscription(merchant_id, customer, subscription_id)
    assert merchant is not None and subscription is not None, "neither is ever removed"
    if not subscription.is_live:
        ports.store.commit(Remove(reminder))
        return "over"
    settings = merchant.settings
    method = ports.store.payment_method(merchant_id, customer, subscription.payment_method)
    writes: list[Write] = []
    charge = reminders.charge_due_for_notice(reminder, subscription, settings, now)
    if charge is not None:
        writes.append(Insert(charge))
    if method is not None:
        expiry = reminders.expiry_due_for_notice(subscription, method, settings, now)
        if expiry is not None:
            noticed = replace(method, expiry_told=True)
            writes += [Insert(expiry), Change(method, noticed)]
    after = reminders.postpone(
        reminder, subscription, method, settings, now, noticed=charge is not None
    )
    ended_at = reminders.access_ends_at(subscription, settings)
    if access_ended and ended_at and _is_news(reminder, merchant, ended_at, now):
        writes += access_ended(ports, merchant, subscription, ended_at, now)
        after = replace(after, access_told=ended_at)
    ports.store.commit(_postpone(reminder, after), *writes)
    return "told" if writes else "looked"


def _is_news(reminder: Reminder, merchant: Merchant, ended_at: datetime, now: datetime) -> bool:
    """Tests whether access ended by now, and that is to be logged and was not yet."""
    since = merchant.events_since
    return since is not None and since < ended_at <= now and ended_at != reminder.access_told


def _postpone(before: Reminder, after: Reminder) -> Write:
    return Change(before, after, expecting=("due_at", "told_of"))
