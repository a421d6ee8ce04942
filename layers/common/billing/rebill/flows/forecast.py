"""A forecast of the charges from now to a given time, charging nothing (R-10).

Of as many subscriptions as are read at once it is made when it is asked for; of more it is
answered from the sums of the night (`forecast_rollup`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from heapq import merge
from itertools import islice

from billing.kernel import charge_eligibility, invoicing
from billing.kernel.charge_eligibility import Hold
from billing.kernel.flows import subscription_list
from billing.kernel.flows.subscription_list import Found
from billing.kernel.forecasts import DayKey, ForecastRollup
from billing.kernel.invoices import Invoice
from billing.kernel.invoicing import ComingPayment
from billing.kernel.merchants import Merchant
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Anchor
from billing.kernel.ports import Ports
from billing.kernel.subscription import CHARGEABLE, Subscription
from billing.kernel.values import Value, replace
from billing.tax.flows import upcoming
from billing.tax.flows.upcoming import TaxesOn

CHARGES_AT_MOST = 100_000
DAYS_AT_MOST = 4_000

REACH_MOST = timedelta(days=366 * 5)
"""The furthest that the next charges of one subscription are looked for."""

LIVE_MOST = 2_000
"""The most subscriptions of a forecast that is made when it is asked for."""


class Day(Value):
    """The expected income of one local day in one currency; the sandbox's money apart (W-3)."""

    date: date
    amount: Money
    charges: int
    test: bool


Charge = tuple[datetime, str, Money, bool]
"""Its time, its subscription, its amount, and whether it is the sandbox's."""


class Forecast(Value):
    """The days in order, to `until`, which is earlier than asked where that were too many charges.

    `as_of` is when it was made. `complete` is false where there are more subscriptions than are
    read at once, and no sums of them yet; `held` is the reason for which nothing of it would be
    charged as things are.
    """

    until: datetime
    days: tuple[Day, ...]
    complete: bool
    held: Hold | None
    as_of: datetime


def forecast(ports: Ports, merchant: Merchant, *, until: datetime, now: datetime) -> Forecast:
    """Forecasts charges of subscriptions, at the times at which the rebill engine makes them."""
    held = ports.as_switched().stopped(merchant.as_of(now))
    found = chargeable(ports, merchant, now=now)
    if not is_live(found) and (sums := ports.store.forecast_rollup(merchant.id)) is not None:
        return _from_sums(merchant, sums, until, now, held)
    subscriptions = [each for each in found.data if _is_due(ports, each, until, now)]
    taxes = upcoming.of_each(ports, merchant, subscriptions)
    lives = (_charges(ports, merchant, each, taxes[each.id], until, now) for each in subscriptions)
    amounts: Counter[tuple[date, Currency, bool]] = Counter()
    counts: Counter[tuple[date, Currency, bool]] = Counter()
    # Merged by time, so that a cut drops the end, not all of one subscription.
    for number, (at, _, amount, test) in enumerate(merge(*lives)):
        if number == CHARGES_AT_MOST or len(counts) == DAYS_AT_MOST:
            until = at
            break
        day = _day(merchant, at)
        amounts[day, amount.currency, test] += amount.amount_minor
        counts[day, amount.currency, test] += 1
    days = tuple(
        Day(day, Money(amounts[day, currency, test], currency), count, test)
        for (day, currency, test), count in sorted(counts.items())
    )
    return Forecast(until, days, found.complete, held, now)


def chargeable(ports: Ports, merchant: Merchant, *, now: datetime) -> Found:
    """Lists a merchant's subscriptions that may be charged: all, or a few more than `LIVE_MOST`."""
    return subscription_list.in_states(
        ports, merchant, sorted(CHARGEABLE), now=now, more_than=LIVE_MOST
    )


def is_live(found: Found) -> bool:
    """Tests whether there are so few subscriptions that they are forecast when asked for."""
    return found.complete and len(found.data) <= LIVE_MOST


def charges(
    ports: Ports, merchant: Merchant, subscription: Subscription, *, until: datetime, now: datetime
) -> Iterator[tuple[DayKey, int]]:
    """Yields the charges of one subscription to come, each by its local day, in minor units."""
    if _is_due(ports, subscription, until, now):
        taxes_on = upcoming.of_each(ports, merchant, [subscription])[subscription.id]
        for at, _, amount, test in _charges(ports, merchant, subscription, taxes_on, until, now):
            yield (_day(merchant, at), amount.currency, test), amount.amount_minor


def charges_taxed(
    ports: Ports,
    merchant: Merchant,
    subscription: Subscription,
    taxes_on: TaxesOn,
    *,
    until: datetime,
    now: datetime,
) -> Iterator[tuple[DayKey, int]]:
    """Yields the charges to come of a subscription that need not be stored, as `charges` does."""
    if _is_due(ports, subscription, until, now):
        for at, _, amount, test in _charges(ports, merchant, subscription, taxes_on, until, now):
            yield (_day(merchant, at), amount.currency, test), amount.amount_minor


def dated_charges(
    ports: Ports, merchant: Merchant, subscription: Subscription, taxes_on: TaxesOn, now: datetime
) -> Iterator[tuple[datetime, Money]]:
    """Yields the charges from `now` on of a subscription that need not be stored, soonest first."""
    if subscription.due_at is not None:
        reach = now + REACH_MOST
        for at, _, amount, _ in _charges(ports, merchant, subscription, taxes_on, reach, now):
            yield at, amount


def next_charges(
    ports: Ports, merchant: Merchant, subscription: Subscription, *, most: int, now: datetime
) -> list[tuple[datetime, Money]]:
    """Returns the next charges of one subscription with their taxes, soonest first."""
    if subscription.due_at is None:
        return []
    taxes_on = upcoming.of_each(ports, merchant, [subscription])[subscription.id]
    found = _charges(ports, merchant, subscription, taxes_on, now + REACH_MOST, now)
    return [(at, amount) for at, _, amount, _ in islice(found, most)]


def _from_sums(
    merchant: Merchant, sums: ForecastRollup, until: datetime, now: datetime, held: Hold | None
) -> Forecast:
    """Returns the forecast from today to `until`, in whole local days."""
    reaches = min(until, sums.until)
    zone = merchant.settings.time_zone
    today, last = _day(merchant, now), _day(merchant, reaches)
    ends = Anchor(datetime.combine(last, time()), zone).instant
    days = tuple(
        Day(day, Money(minor, currency), count, test)
        for (day, currency, test), (minor, count) in sums.days().items()
        if today <= day < last
    )
    return Forecast(ends, days, True, held, sums.as_of)


def _day(merchant: Merchant, at: datetime) -> date:
    return Anchor.at(at, merchant.settings.time_zone).wall.date()


def _is_due(ports: Ports, subscription: Subscription, until: datetime, now: datetime) -> bool:
    """Tests whether a subscription is due by then; one under way (claimed) is too."""
    by_then = max(until, now + ports.operation.lease)
    return subscription.due_at is not None and subscription.due_at <= by_then


def _charges(
    ports: Ports,
    merchant: Merchant,
    subscription: Subscription,
    taxes_on: TaxesOn,
    until: datetime,
    now: datetime,
) -> Iterator[Charge]:
    """Simulates a subscription's future charges, by the rules that it is charged by."""
    willing = replace(merchant, armed=True, stopped=False, gateway_accounts=())
    if (
        charge_eligibility.hold(subscription, willing, billing_paused=False, environment="")
        is not None
    ):
        return
    minimum = ports.minimum_minor(subscription)
    subscription = _told(subscription, now)
    opened = _open_invoice(ports, subscription)
    if opened is not None and opened.plan_change is not None:
        # A change of plan that is being paid: the periods go on from it.
        yield now, subscription.id, opened.total, subscription.test
        subscription = replace(subscription.changed_to(opened.plan_change), open_invoice=None)
        taxes_on, opened = upcoming.after(opened, taxes_on), None
    at = _first_at(subscription, now)
    paid = invoicing.coming(subscription, minimum, taxes_on(_day(merchant, at or now)))
    if opened is not None:  # its amount and its taxes are final
        paid = _invoiced(opened)
    while at is not None and at <= until:
        if subscription.open_invoice is None and charge_eligibility.too_late_to_ask(
            subscription, merchant, at
        ):
            return
        yield at, subscription.id, paid.total, subscription.test
        day = Anchor.at(at, subscription.anchor.zone).wall.date()
        subscription = subscription.renewing().paid(
            at,
            day,
            None,
            paid.credit_minor,
            postponed_minor=paid.postponed_minor,
            coupon=paid.coupon,
        )
        if not subscription.is_live:
            return
        at = charge_eligibility.due_after_payment(subscription, at)
        paid = invoicing.coming(subscription, minimum, taxes_on(_day(merchant, at or now)))


def _told(subscription: Subscription, now: datetime) -> Subscription:
    """Returns it with its announced price told by now at the latest (X-12)."""
    change = subscription.price_change
    if change is None or change.told_at is not None:
        return subscription
    return replace(subscription, price_change=replace(change, told_at=now))


def _invoiced(opened: Invoice) -> ComingPayment:
    return ComingPayment(opened.total, opened.credit_minor, opened.postponed_minor, opened.coupon)


def _open_invoice(ports: Ports, subscription: Subscription) -> Invoice | None:
    if subscription.open_invoice is None:
        return None
    return ports.store.invoice(
        subscription.merchant, subscription.customer, subscription.open_invoice
    )


def _first_at(subscription: Subscription, now: datetime) -> datetime | None:
    """Returns the time of the next charge, None where none is to come."""
    at = subscription.next_charge_at
    if at is not None and charge_eligibility.charged_today(subscription, now):
        again = charge_eligibility.due_after_payment(subscription, now)
        at = max(at, again) if again is not None else at
    return None if at is None else max(at, now)
