"""Sends advance notices: renewals, ends of trials, expiring cards, each once (R-8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import partial

from billing.kernel.due import DueKind
from billing.kernel.flows import due
from billing.kernel.ports import Ports
from billing.kernel.storage import Due
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Remove, Write
from billing.notices import reminders
from billing.notices.reminders import Reminder


def sweep(
    ports: Ports,
    *,
    now: datetime,
    limit: int = 500,
    keep_going: Callable[[], bool] = lambda: True,
) -> Counter[str]:
    """Checks every subscription whose reminder is due; a replay finds none left."""
    dues = due.overdue(ports, DueKind.NOTICE, now=now, limit=limit)
    look = partial(_remind, ports, now)
    return due.answer(ports, dues, look, now=now, keep_going=keep_going)


def _remind(ports: Ports, now: datetime, due: Due) -> str:
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
    ports.store.commit(_postpone(reminder, after), *writes)
    return "told" if writes else "looked"


def _postpone(before: Reminder, after: Reminder) -> Write:
    return Change(before, after, expecting=("due_at", "told_of"))
