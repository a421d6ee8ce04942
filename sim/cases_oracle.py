"""Cohorts, trials, failed payments and cancellations, by another reading of FIGURES.md.

They are made of whole histories and raw orders. Of the product it knows stored fields alone.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sim.figures_oracle import Expected

SKEW = timedelta(seconds=10)
"""More than clocks differ by."""

Steps = Counter[tuple[str, str, str, str]]
"""Counts by the month of the beginning, the month of the step, its name, and more of it."""


def month(at: datetime | date, zone: Any = None) -> str:
    day = at.astimezone(zone) if isinstance(at, datetime) else at
    return f"{day.year:04d}-{day.month:02d}"


def retention(customers: Sequence[Expected]) -> Counter[tuple[str, str, str]]:
    """The change of live customers and of their revenue, by first month and month."""
    found: Counter[tuple[str, str, str]] = Counter()
    for each in customers:
        began = [day for (day, step), count in each.steps.items() if step == "new" and count]
        if not began:
            continue
        first = month(min(began))
        for (day, _), minor in each.mrr.items():
            found[first, month(day), "mrr"] += minor
        for (day, step), count in each.steps.items():
            sign = -1 if step == "ended" else 1
            found[first, month(day), "customers"] += sign * count
    return found


class Write(NamedTuple):
    """A subscription as it was written at an instant."""

    at: datetime
    subscription: Any


def trials(histories: Mapping[str, Sequence[Write]], zone: Any) -> Steps:
    """Trials by the month of their start: begun, ended, and paid in the end."""
    found: Steps = Counter()
    for history in histories.values():
        first = history[0].subscription
        if not on_trial(first):
            continue
        began = month(first.started_at, zone)
        found[began, month(history[0].at, zone), "trial_begun", ""] += 1
        over = [w for w in history if not on_trial(w.subscription)]
        paid = [w for w in history if w.subscription.payments_made > 0]
        for name, writes in (("trial_ended", over), ("trial_paid", paid)):
            if writes:
                found[began, month(when(writes[0]), zone), name, ""] += 1
    return found


def on_trial(subscription: Any) -> bool:
    state = subscription.state.value
    if state == "cancel_pending":
        state = subscription.resumes_as.value
    if state == "paused" and subscription.paused_from is not None:
        state = subscription.paused_from.value
    return bool(state == "trialing")


def when(write: Write) -> datetime:
    """The time of a change: of an end when it was due."""
    ended = write.subscription.state.value in {"cancelled", "completed"}
    return min(write.subscription.ends_at, write.at) if ended else write.at


def failures(
    histories: Mapping[str, Sequence[Write]],
    orders: Sequence[Any],
    invoices: Mapping[str, Any],
    zone: Any,
) -> Steps:
    """Failed payments of periods, by the month of their first decline, and what became of them."""
    declined: defaultdict[tuple[str, int], list[Any]] = defaultdict(list)
    paid: defaultdict[tuple[str, int], list[Any]] = defaultdict(list)
    for order in sorted(orders, key=lambda o: (o.at, o.code != "authentication_required", o.id)):
        invoice = invoices.get(order.invoice or "")
        if order.subscription not in histories or invoice is None or invoice.plan_change:
            continue
        place = order.subscription, invoice.period
        if order.kind.value == "failed":
            declined[place].append(order)
        elif order.kind.value == "rebill":
            paid[place].append(order)
    found: Steps = Counter()
    for place, tries in declined.items():
        began = month(tries[0].at, zone)
        found[began, began, "failure_begun", tries[0].code] += 1
        name, at = _outcome(histories[place[0]], place[1], tries[0].at, paid[place])
        if at is not None:
            before = sum(each.at <= at + SKEW for each in tries)
            more = f"{tries[0].code}:{before + 1}" if name == "failure_paid" else tries[0].code
            found[began, month(at, zone), name, more] += 1
    return found


def _outcome(
    history: Sequence[Write], period: int, since: datetime, paid: Sequence[Any]
) -> tuple[str, datetime | None]:
    """The end of a failed payment, and when; no time while its retries go on."""
    failed = False
    for write in history:
        now = write.subscription
        fails = now.state.value in {"past_due", "cancelled"}
        if write.at >= since - SKEW and now.period > period:
            return ("failure_paid" if paid else "failure_lost"), when(write)
        failed = failed or (fails and write.at >= since - SKEW)
        if not failed:
            continue
        state = now.state.value
        if state == "cancelled":
            asked = now.ended_by.value in {"customer", "merchant"}
            return ("failure_cancelled" if asked else "failure_lost"), when(write)
        if state == "cancel_pending":
            state = now.resumes_as.value
        gave_up = (now.due_at, now.open_invoice, now.waiting_since) == (None, None, None)
        if state == "past_due" and gave_up:
            return "failure_lost", write.at
        if state not in {"past_due", "paused"}:
            return "failure_lost", write.at
    return "", None


def cancellations(
    histories: Mapping[str, Sequence[Write]], orders: Sequence[Any], zone: Any
) -> Steps:
    """Ends that were asked for, and ends, by month, reason, who asked and how."""
    found: Steps = Counter()
    asked: Counter[str] = Counter()
    for order in orders:
        if order.kind.value == "cancel_request":
            label = f"{order.reason or 'none'}:{order.source}"
            found["", month(order.at, zone), "cancel_asked", label] += 1
            if order.withdrawn:
                found["", "", "cancel_undone", label] += 1
            else:
                asked[order.subscription] += 1
    for order in orders:
        if order.kind.value == "cancellation":
            how = "period_end" if asked[order.subscription] else "now"
            label = f"{order.reason or 'none'}:{order.source}:{how}"
            (last,) = [w for w in histories[order.subscription] if _ends(w)][:1]
            found["", month(when(last), zone), "cancelled", label] += 1
    return found


def _ends(write: Write) -> bool:
    return bool(write.subscription.state.value == "cancelled")
