"""The subscription that a row becomes here: its schedule, counts and state (IMPORT.md).

The dry run forecasts it, and the cut-over stores it, so both mean the same.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from billing.kernel.catalog import PriceTerms, PriceType
from billing.kernel.discounts import Discount
from billing.kernel.periods import Anchor
from billing.kernel.plans import Plan
from billing.kernel.schedule import anchored_at, standard_at
from billing.kernel.subscription import (
    CancelRequest,
    Interrupted,
    Source,
    State,
    Subscription,
    When,
)
from billing.kernel.values import Value, replace
from billing.migration.import_rows import ImportRow, Problem, problem

PAYMENTS_MOST = 8_192
"""The most payments that are counted from a start: weekly ones of 150 years."""

FROM_LAST_DAYS = 28
"""The first day of a month on which a charge may be a later day's, in a shorter month."""


class Resolved(Value):
    """The plan, next plan, discount and gateway account that a row names, as they are here."""

    plan: Plan
    gateway: str
    gateway_account: str
    test: bool = False
    next_plan: Plan | None = None
    discount: Discount | None = None


class Scheduled(Value):
    """The place of a row in its schedule; `period` and `anchor_period` are a subscription's.

    `next_at` is the next standard payment; for one whose end is pending, that end.
    """

    anchor: Anchor
    period: int
    anchor_period: int
    payments_made: int
    next_at: datetime | None
    problems: tuple[Problem, ...] = ()


def agreement(
    row: ImportRow,
    resolved: Resolved,
    *,
    merchant: str,
    customer: str,
    subscription: str,
    payment_method: str,
    shard: int,
    language: str,
    now: datetime,
    order: str = "",
) -> Subscription | Problem:
    """Returns the subscription of a row, or what blocks it; `order` is the Order ID of its
    cancellation, if that is pending."""
    terms = resolved.plan.terms
    found = schedule_of(row, terms, now)
    if isinstance(found, Problem):
        return found
    active = Subscription(
        id=subscription,
        merchant=merchant,
        customer=customer,
        product=resolved.plan.product,
        product_name=resolved.plan.product_name,
        price_point=resolved.plan.price_point,
        price_version=resolved.plan.version,
        terms=terms if row.cancel_mode is None else replace(terms, cancellation=row.cancel_mode),
        anchor=found.anchor,
        state=State.TRIALING if row.status is State.TRIALING else State.ACTIVE,
        started_at=row.started_at,
        gateway=resolved.gateway,
        gateway_account=resolved.gateway_account,
        payment_method=payment_method,
        shard=shard,
        period=found.period,
        anchor_period=found.anchor_period,
        payments_made=found.payments_made,
        due_at=found.next_at,
        credit_minor=row.credit_minor,
        next_plan=resolved.next_plan,
        discount=resolved.discount,
        language=language,
        test=resolved.test,
    )
    if row.status is State.PAUSED:
        was = row.paused_from or State.ACTIVE
        paused = replace(
            active, state=State.PAUSED, due_at=None, paused_from=was, paused_by=Source.MERCHANT
        )
        return paused if row.resumes_at is None else _until(paused, row.resumes_at, now)
    if row.status is State.CANCEL_PENDING:
        asked = CancelRequest(When.PERIOD_END, Source.MERCHANT, now, order)
        return active.cancel_pending(asked)
    return active


def _until(paused: Subscription, at: datetime, now: datetime) -> Subscription:
    """Returns a paused subscription that goes on by itself at an instant (X-11).

    A payment that fell due in the pause is due at once then, as it would have been at its source.
    """
    paid_until = paused.period_at
    assert paid_until is not None, "something is to come of what is imported"
    since = min(now, paid_until - timedelta(seconds=1))
    kept = Interrupted(since, paused.payment_method, due_at=paid_until)
    return replace(paused, resumes_at=at, interrupted=kept)


def schedule_of(row: ImportRow, terms: PriceTerms, now: datetime) -> Scheduled | Problem:
    """Returns the anchor and the counts with which a row's next charge is on its own date."""
    if row.status is not State.CANCEL_PENDING and row.cancel_at is not None:
        return problem("cancel_at_elsewhere", "cancel_at")
    at = row.cancel_at if row.status is State.CANCEL_PENDING else row.next_charge_at
    if row.status is State.PAUSED and at is None:
        return _paused(row, terms, now)
    if at is None:
        column = "cancel_at" if row.status is State.CANCEL_PENDING else "next_charge_at"
        return problem("next_charge_missing", column)
    if at <= now:
        return problem("next_charge_past", "next_charge_at", at=_day(at))
    total = terms.standard_payments
    if row.payments_total is not None and row.payments_total != total:
        known = "no end" if total is None else total
        return problem("payments_total_differs", "payments_total", known=known)
    made = 0 if row.status is State.TRIALING else row.payments_made
    if total is not None and made is None:
        return problem("payments_made_missing", "payments_made")
    if total is not None and made is not None and made >= total:
        return problem("all_paid", "payments_made", total=total)
    if row.anchor_local is not None:
        anchor = Anchor(row.anchor_local, row.zone)
        k = _hit(terms, anchor, at)
        if k is None:
            return problem("anchor_off", "anchor_local", at=_day(at))
        return _placed(anchor, k, k if made is None else made, at)
    return _from_start(row, terms, at, made)


def _from_start(
    row: ImportRow, terms: PriceTerms, at: datetime, made: int | None
) -> Scheduled | Problem:
    """Anchors at the start where its schedule meets the next charge, else at that charge."""
    begins = Anchor.at(row.started_at, row.zone)
    ends = Anchor.at(at, row.zone)
    if row.status is State.TRIALING:
        return _placed(ends, 0, 0, at)  # standard payments count from the end of the trial (P-11)
    wall = ends.wall
    for anchor in (begins, Anchor(datetime.combine(begins.wall.date(), wall.time()), row.zone)):
        k = _hit(terms, anchor, at)
        if k is not None:
            return _placed(anchor, k, k if made is None else made, at)
    if terms.type is PriceType.RECURRING_INSTALLMENT and made is None:
        return problem("payments_made_missing", "payments_made")
    paid = 1 if made is None else made
    anchor, first = anchored_at(terms, ends, paid)
    found = Scheduled(anchor, paid, first, paid, at)
    months = terms.period is not None and terms.period.length.months
    if months and wall.day >= FROM_LAST_DAYS and wall.day < 31:
        warned = problem("anchor_guessed", "anchor_local", blocks=False, day=wall.day)
        return replace(found, problems=(warned,))
    return found


def _paused(row: ImportRow, terms: PriceTerms, now: datetime) -> Scheduled | Problem:
    """Returns the schedule of what is paused: it goes on from its own anchor when it is resumed."""
    made, resumes_at = row.payments_made, row.resumes_at
    if made is None:
        return problem("payments_made_missing", "payments_made")
    if resumes_at is not None and resumes_at <= now:
        return problem("resume_past", "resumes_at", at=_day(resumes_at))
    if terms.standard_payments is not None and made >= terms.standard_payments:
        return problem("all_paid", "payments_made", total=terms.standard_payments)
    anchor = Anchor.at(row.started_at, row.zone)
    if row.anchor_local is not None:
        anchor = Anchor(row.anchor_local, row.zone)
    if row.paid_until is None:
        return Scheduled(anchor, made, 0, made, None)
    k = _hit(terms, anchor, row.paid_until)
    if k is None:
        return problem("anchor_off", "anchor_local", at=_day(row.paid_until))
    return replace(_placed(anchor, k, made, row.paid_until), next_at=None)


def _placed(anchor: Anchor, k: int, made: int, at: datetime) -> Scheduled:
    """Returns payment `k` from the anchor as the one after those that were made."""
    return Scheduled(anchor, made, made - k, made, at)


def _hit(terms: PriceTerms, anchor: Anchor, at: datetime) -> int | None:
    """Returns which payment from an anchor is at an instant, if one is."""
    if terms.type is PriceType.ONE_TIME:
        return 0 if anchor.instant == at else None
    low, high = 0, 1
    while high < PAYMENTS_MOST and standard_at(terms, anchor, high) < at:
        high *= 2  # from below: the last of so many long periods is outside the calendar
    while low < high:
        middle = (low + high) // 2
        if standard_at(terms, anchor, middle) < at:
            low = middle + 1
        else:
            high = middle
    return low if standard_at(terms, anchor, low) == at else None


def _day(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC")
