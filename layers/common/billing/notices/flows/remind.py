"""Sends notices, each once: what comes is charged, changed, or renewed (R-8, X-12).

The same look resumes a subscription whose pause has ended (X-11): no charge is made here, it only
becomes due.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial

from billing.cancel.flows import pause
from billing.cancel.regions.rules import Duty
from billing.kernel.customers import Address, PaymentMethod
from billing.kernel.due import DueKind
from billing.kernel.errors import NotFound
from billing.kernel.flows import consumers, due, subscriptions
from billing.kernel.merchants import Merchant, Settings
from billing.kernel.outbox_events import EventKind
from billing.kernel.ports import Ports
from billing.kernel.storage import Due
from billing.kernel.subscription import Subscription
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert, Remove, Write
from billing.notices import planned, records, reminders, windows
from billing.notices.planned import Notice
from billing.notices.records import MissedNotice
from billing.notices.reminders import Expected, Reminder
from billing.runtime import telemetry

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
    if subscription.pause_is_over(now):
        subscription = pause.go_on(ports, subscription, now)
    settings, address = merchant.settings, subscriptions.bill_to(ports, subscription).address
    subscription = _asks_consent(ports, subscription, address, now)
    found = planned.planned(reminder, subscription, settings, address, now)
    held = _holds_prices(ports, merchant, subscription)
    sent = [n for n in found if n.is_due(now) and not (held and n.kind is EventKind.PRICE_CHANGING)]
    after = _noticed(reminder, subscription, sent, now)
    if planned.tells_of_promotion(after, subscription, settings, address, sent, now):
        after = replace(after, promotion_told_of=after.told_of)
    method = ports.store.payment_method(merchant_id, customer, subscription.payment_method)
    writes = _notices(ports, reminder, subscription, sent, now)
    writes += _missed(ports, reminder, subscription, now)
    writes += _expiry(subscription, method, settings, now)
    ended_at = reminders.access_ends_at(subscription, settings)
    if access_ended and ended_at and _is_news(reminder, merchant, ended_at, now):
        writes += access_ended(ports, merchant, subscription, ended_at, now)
        after = replace(after, access_told=ended_at)
    left = [
        notice
        for notice in planned.planned(after, subscription, settings, address, now)
        if notice.event not in {each.event for each in sent}
    ]
    expiry_at = reminders.expiry_notice_at(method, settings.time_zone) if method else None
    next_at = planned.look_after_charge(subscription, settings, now)
    after = _postponed(after, left, (expiry_at, ended_at, subscription.resumes_at, next_at), now)
    ports.store.commit(Change(reminder, after, expecting=("due_at", "told_of")), *writes)
    return "told" if writes else "looked"


def see(ports: Ports, merchant: str, missed: str, *, now: datetime) -> MissedNotice:
    """Notes that somebody looked at a missed notice, which rings no more; raises `NotFound`."""
    found = ports.store.missed_notice(merchant, missed)
    if found is None:
        raise NotFound("notice_unknown")
    if found.seen_at is not None:
        return found
    after = found.seen(now)
    ports.store.commit(Change(found, after, expecting=("due_at",)))
    return after


def _asks_consent(
    ports: Ports, subscription: Subscription, address: Address, now: datetime
) -> Subscription:
    """Has an announced rise need consent where the customer has moved to since, if the law there
    asks for it; who was told of it without being asked is told of it anew (X-12)."""
    change = subscription.price_change
    if change is None or change.needs_consent or not change.rises_from(subscription.terms.price):
        return subscription
    rules = windows.rules_of(address, now.date(), Duty.PRICE_CHANGE)
    if not any(rule.rise_needs_consent for rule in rules):
        return subscription
    asked = replace(change, id=ports.new_id("price"), needs_consent=True, told_at=None)
    after = replace(subscription, price_change=asked)
    ports.store.commit(Change(subscription, after, expecting=reminders.PRICE_AS_READ))
    return after


def _holds_prices(ports: Ports, merchant: Merchant, subscription: Subscription) -> bool:
    """Tests whether a rise is told of later, as its mail would wait (W-5): it is charged only where
    it was told of in time (P-18)."""
    change = subscription.price_change
    rises = change is not None and change.rises_from(subscription.terms.price)
    return rises and not merchant.armed_in(ports.operation.environment)


def _noticed(
    reminder: Reminder, subscription: Subscription, sent: Iterable[Notice], now: datetime
) -> Reminder:
    """Notes what is sent, and the discount that the look found."""
    promotion = planned.promotion_of(reminder.promotion, subscription, now)
    events = {notice.event for notice in sent}
    waiting = tuple(each for each in reminder.to_mail_again if each not in events)
    after = replace(reminder, promotion=promotion, to_mail_again=waiting)
    for notice in sent:
        after = reminders.told(after, notice.kind, notice.about)
    return after


def _notices(
    ports: Ports,
    reminder: Reminder,
    subscription: Subscription,
    sent: Iterable[Notice],
    now: datetime,
) -> list[Write]:
    writes: list[Write] = []
    for notice in sent:
        until = notice.timing.closes_at if notice.code is not None else None
        found = reminders.event(
            notice.kind, notice.name, subscription, now, code=notice.code, until=until
        )
        if found.id in reminder.to_mail_again:
            found = consumers.for_mail_alone(ports, found)
        writes.append(Insert(found))
        change = subscription.price_change
        if notice.kind is EventKind.PRICE_CHANGING and change is not None:
            told = replace(subscription, price_change=replace(change, told_at=now))
            writes.append(Change(subscription, told, expecting=reminders.PRICE_AS_READ))
    return writes


def _missed(
    ports: Ports, reminder: Reminder, subscription: Subscription, now: datetime
) -> list[Write]:
    """Records the notices that the last look planned and that no look came to in time (X-12)."""
    if subscription.state not in planned.TOLD:
        return []  # what was to come does not come
    late = [each for each in reminder.expected if each.closes_at < now]
    for each in late:
        telemetry.happened("notice missed", owner=subscription.id, since=each.closes_at.isoformat())
    # One that could not be sent in this window before is noted already.
    owner = subscription.merchant
    new = [each for each in late if not ports.store.missed_notice(owner, records.missed_id(each))]
    return [Insert(records.missed(subscription, each, each.closes_at)) for each in new]


def _expiry(
    subscription: Subscription, method: PaymentMethod | None, settings: Settings, now: datetime
) -> list[Write]:
    if method is None:
        return []
    expiry = reminders.expiry_due_for_notice(subscription, method, settings, now)
    if expiry is None:
        return []
    return [Insert(expiry), Change(method, replace(method, expiry_told=True))]


def _postponed(
    reminder: Reminder, left: Iterable[Notice], others: Iterable[datetime | None], now: datetime
) -> Reminder:
    """Returns the reminder after a look: due again with the next notice, or for the next check; one
    that is held, a day later."""
    tomorrow = now + windows.DAY
    coming = [at if (at := notice.timing.at) > now else tomorrow for notice in left]
    coming += [at for at in others if at is not None]
    expected = tuple(
        Expected(each.event, each.timing.closes_at) for each in left if each.code is not None
    )
    due_at = min([*(at for at in coming if at > now), now + reminders.LOOK_AGAIN])
    return replace(reminder, due_at=due_at, expected=expected)


def _is_news(reminder: Reminder, merchant: Merchant, ended_at: datetime, now: datetime) -> bool:
    """Tests whether access ended by now, and that is to be logged and was not yet."""
    since = merchant.events_since
    return since is not None and since < ended_at <= now and ended_at != reminder.access_told
