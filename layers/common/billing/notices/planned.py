"""The notices that are still to be sent about a subscription, each with its window (R-8, X-12).

They are planned from the subscription as it stands, so that no other write need keep them in step.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from billing.cancel.regions.rules import Duty
from billing.cancel.regions.table import (
    PRICE_CHANGE_DAYS,
    RENEWAL_DAYS,
    SOONEST_DAYS,
    TRIAL_DAYS,
)
from billing.kernel.catalog import PriceType
from billing.kernel.customers import Address
from billing.kernel.merchants import Settings
from billing.kernel.outbox_events import EventKind
from billing.kernel.periods import Anchor, Period, Span, Unit
from billing.kernel.subscription import State, Subscription
from billing.kernel.values import Value
from billing.notices import reminders, windows
from billing.notices.reminders import Promotion, Reminder
from billing.notices.windows import DAY, YEAR_DAYS, Timing

UNTOLD = frozenset({Period.WEEKLY, Period.EVERY_2_WEEKS})
"""Periods whose renewals come sooner than a month, and get no advance notice."""

TOLD = frozenset({State.TRIALING, State.ACTIVE, State.FROZEN})

OF_CHARGES = frozenset({EventKind.TRIAL_ENDING, EventKind.RENEWAL_UPCOMING})

RUNS_ON = frozenset({PriceType.RECURRING, PriceType.RECURRING_INSTALLMENT})
"""The types of price that run until somebody cancels."""

YEARLY_DAYS = 30
"""The days before its anniversary on which a subscription is reminded of, each year."""

RENEWAL_COVERS = timedelta(days=45)
"""A renewal of a year or more this close to an anniversary is announced; that is the reminder."""

PAUSE_DAYS = 7
"""The days before the end of a pause on which it is announced (X-11)."""

CHARGED_BY = timedelta(hours=1)
"""The time in which a payment that is due is made, unless something is late."""

PROOF = "prescribed"
"""The code of the event of a notice that a region asks for: its mail is kept as proof (X-12)."""


class Notice(Value):
    """A notice about something that comes at `about`; `name` is that of its event."""

    kind: EventKind
    about: datetime
    timing: Timing
    name: str
    code: str | None = None

    @property
    def event(self) -> str:
        """The id of its event."""
        return f"{self.name}:{self.kind}"

    def is_due(self, now: datetime) -> bool:
        return self.timing.at <= now < self.about


def planned(
    reminder: Reminder,
    subscription: Subscription,
    settings: Settings,
    address: Address,
    now: datetime,
) -> tuple[Notice, ...]:
    """Returns the notices that are not sent yet and whose cause is to come."""
    found = (
        _of_charge(reminder, subscription, settings, address, now),
        _of_promotion(reminder, subscription, settings, address, now),
        _of_year(reminder, subscription, settings, address, now),
        _of_price(subscription, address, now),
        _of_pause(reminder, subscription),
    )
    return tuple(notice for notice in found if notice is not None and notice.about > now)


def look_after_charge(
    subscription: Subscription, settings: Settings, now: datetime
) -> datetime | None:
    """Returns when to look for the payment after the next one, before any window of it can close.

    Until the next one is made, nothing else says what comes after it: where that is late, it is
    looked for day by day. None where it is not announced, or nothing is charged.
    """
    renewing, charge_at = subscription.renewing(), subscription.period_at
    if subscription.next_charge_at is None or charge_at is None:
        return None
    if renewing.terms.type not in RUNS_ON or renewing.terms.period in UNTOLD:
        return None
    monthly = renewing.terms.period is Period.MONTHLY  # no window closes so long before
    ahead = max(settings.reminder_days, RENEWAL_DAYS if monthly else SOONEST_DAYS) * DAY
    look_at = max(charge_at + CHARGED_BY, renewing.payment_at(renewing.period + 1) - ahead)
    return look_at if look_at > now else now + DAY


def charge_name(subscription: Subscription, charge_at: datetime) -> str:
    """Returns the name of a coming charge's event; a charge at another instant has another one."""
    return f"{subscription.id}:{charge_at.isoformat()}"


def _wanted(settings: Settings, most: float) -> float | None:
    """Returns the merchant's days before; None where they want no notices."""
    return min(settings.reminder_days, most) if settings.reminder_days else None


def charge_timing(
    subscription: Subscription, settings: Settings, address: Address, now: datetime
) -> Timing | None:
    """Returns when the next charge is announced, sent or not; None if it is not."""
    charge_at, zone = subscription.next_charge_at, subscription.anchor.zone
    wanted: float | None
    if charge_at is None or subscription.state not in TOLD:
        return None
    if subscription.state is State.TRIALING:
        days = windows.trial_days(subscription, charge_at)
        rules = windows.rules_of(address, now.date(), Duty.TRIAL_ENDS)
        half = (charge_at - subscription.started_at) / 2 / DAY
        wanted = _wanted(settings, half) or min(TRIAL_DAYS, half)
        return windows.timing(charge_at, zone, days, rules, wanted, TRIAL_DAYS)
    term = windows.term_days(subscription)
    rules = [] if term is None else windows.rules_of(address, now.date(), Duty.RENEWAL)
    wanted = None
    if settings.reminder_days and term is not None and term >= YEAR_DAYS:
        wanted = RENEWAL_DAYS
    elif subscription.renewing().terms.period not in UNTOLD:
        wanted = settings.reminder_days or None
    ours = RENEWAL_DAYS if (term or 0) >= YEAR_DAYS else TRIAL_DAYS
    return windows.timing(charge_at, zone, term or 0, rules, wanted, ours)


def _of_charge(
    reminder: Reminder,
    subscription: Subscription,
    settings: Settings,
    address: Address,
    now: datetime,
) -> Notice | None:
    timing, charge_at = (
        charge_timing(subscription, settings, address, now),
        subscription.next_charge_at,
    )
    if timing is None or charge_at is None or charge_at == reminder.told_of:
        return None
    trial = subscription.state is State.TRIALING
    kind = EventKind.TRIAL_ENDING if trial else EventKind.RENEWAL_UPCOMING
    return _notice(kind, charge_at, timing, charge_name(subscription, charge_at))


def promotion_timing(
    promotion: Promotion,
    subscription: Subscription,
    settings: Settings,
    address: Address,
    now: datetime,
) -> Timing | None:
    """Returns when the end of a discount is announced, sent or not; None if it is not."""
    days, zone = round((promotion.ends_at - promotion.since) / DAY), subscription.anchor.zone
    rules = [
        rule
        for rule in windows.rules_of(address, now.date(), Duty.TRIAL_ENDS)
        if not any(window.half_of_short for window in rule.windows)  # of trials alone
    ]
    wanted = _wanted(settings, days / 2)
    return windows.timing(promotion.ends_at, zone, days, rules, wanted, TRIAL_DAYS)


def _of_promotion(
    reminder: Reminder,
    subscription: Subscription,
    settings: Settings,
    address: Address,
    now: datetime,
) -> Notice | None:
    """Announces the first payment without a discount, unless the notice of that payment does."""
    promotion = promotion_of(reminder.promotion, subscription, now)
    if promotion is None or promotion.ends_at == reminder.promotion_told_of:
        return None
    timing = promotion_timing(promotion, subscription, settings, address, now)
    if timing is None:
        return None
    if subscription.next_charge_at == promotion.ends_at:
        own = charge_timing(subscription, settings, address, now)
        to_come = own is not None and reminder.told_of != promotion.ends_at
        if own is not None and to_come and timing.takes(max(own.at, now)):
            return None
    elif subscription.renewing().terms.period not in UNTOLD:
        return None  # its own notice may do, once it is the next payment
    name = f"{subscription.id}:{promotion.ends_at.isoformat()}"
    return _notice(EventKind.PROMOTION_ENDING, promotion.ends_at, timing, name)


def tells_of_promotion(
    reminder: Reminder,
    subscription: Subscription,
    settings: Settings,
    address: Address,
    sent: Iterable[Notice],
    now: datetime,
) -> bool:
    """Tests whether the notice of a payment, sent now, announces the end of a discount too."""
    promotion = reminder.promotion
    if promotion is None or not any(
        notice.kind in OF_CHARGES and notice.about == promotion.ends_at for notice in sent
    ):
        return False
    timing = promotion_timing(promotion, subscription, settings, address, now)
    return timing is not None and timing.takes(now)


def promotion_of(
    known: Promotion | None, subscription: Subscription, now: datetime
) -> Promotion | None:
    """Returns the discount that ends, as a look at a subscription finds it.

    After the last payment with it the subscription has none: then the one known from before counts,
    as long as the next payment is the first without it.
    """
    discount, charge_at = subscription.next_discount, subscription.next_charge_at
    if subscription.terms.type not in RUNS_ON or charge_at is None:
        return None
    if discount is not None:
        if discount.charges_left is None:
            return None
        ends_at = subscription.payment_at(subscription.period + discount.charges_left)
        since = now if known is None or known.coupon != discount.coupon else known.since
        return Promotion(discount.coupon, min(since, ends_at), ends_at)
    return known if known is not None and known.ends_at == charge_at else None


def _of_year(
    reminder: Reminder,
    subscription: Subscription,
    settings: Settings,
    address: Address,
    now: datetime,
) -> Notice | None:
    """Reminds of a subscription once a year, before its anniversary."""
    if subscription.terms.type not in RUNS_ON or subscription.state not in TOLD:
        return None
    charge_at = subscription.next_charge_at
    asked_for = bool(windows.rules_of(address, now.date(), Duty.YEARLY_REMINDER))
    if charge_at is None or not (asked_for or settings.reminder_days):
        return None
    anniversary = next_anniversary(subscription, now)
    if anniversary == reminder.reminded_of:
        return None
    term = windows.term_days(subscription)
    near = abs(charge_at - anniversary) <= RENEWAL_COVERS
    announced = charge_timing(subscription, settings, address, now) is not None
    if term is not None and term >= YEAR_DAYS and near and announced:
        return None  # that notice is the reminder
    at = anniversary - YEARLY_DAYS * DAY
    timing = Timing(at, anniversary, at - YEARLY_DAYS * DAY, asked_for)
    name = f"{subscription.id}:{anniversary.isoformat()}"
    return _notice(EventKind.YEARLY_REMINDER, anniversary, timing, name)


def next_anniversary(subscription: Subscription, now: datetime) -> datetime:
    """Returns the next day on which a subscription is whole years old."""
    start = Anchor.at(subscription.started_at, subscription.anchor.zone)
    years = max(1, now.year - subscription.started_at.year)
    first = start.plus(Span(1, Unit.YEAR), years).instant
    return first if first > now else start.plus(Span(1, Unit.YEAR), years + 1).instant


def _of_price(subscription: Subscription, address: Address, now: datetime) -> Notice | None:
    change, at = subscription.price_change, subscription.new_price_at(now)
    if change is None or at is None or change.told_at is not None:
        return None
    if subscription.plan_to_come is not None:
        return None  # it goes with this plan, and is told of once they stay after all
    rules = windows.rules_of(address, now.date(), Duty.PRICE_CHANGE)
    days, zone = PRICE_CHANGE_DAYS, subscription.anchor.zone
    timing = windows.timing(at, zone, YEAR_DAYS, rules, days, days)
    assert timing is not None, "a price is always announced"
    name = reminders.price_name(subscription, change)
    return Notice(EventKind.PRICE_CHANGING, at, timing, name, change.id)


def _of_pause(reminder: Reminder, subscription: Subscription) -> Notice | None:
    ends_at, kept = subscription.resumes_at, subscription.interrupted
    paused = subscription.state is State.PAUSED and kept is not None
    if ends_at is None or not paused or ends_at == reminder.resume_told_of:
        return None
    assert kept is not None
    at = ends_at - min(PAUSE_DAYS * DAY, (ends_at - kept.at) / 2)
    name = f"{subscription.id}:{ends_at.isoformat()}"
    return Notice(EventKind.PAUSE_ENDING, ends_at, Timing(at, ends_at), name)


def _notice(kind: EventKind, about: datetime, timing: Timing, name: str) -> Notice:
    return Notice(kind, about, timing, name, PROOF if timing.prescribed else None)
