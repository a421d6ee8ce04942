"""Figures by another reading of FIGURES.md: fractions, whole histories, none of the product's code.

Of the product it knows stored fields alone, by their names.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from fractions import Fraction
from math import floor
from typing import Any, NamedTuple

YEARLY_PAYMENTS = {
    "1w": Fraction(52),
    "2w": Fraction(26),
    "1m": Fraction(12),
    "2m": Fraction(6),
    "3m": Fraction(4),
    "6m": Fraction(2),
    "1y": Fraction(1),
    "2y": Fraction(1, 2),
}


def a_month(terms: Any, discount: Any, ppm: int) -> int:
    """The monthly value of terms, rounded half up once."""
    kind = terms.type.value
    if kind == "recurring":
        a_year = YEARLY_PAYMENTS[terms.period.value]
    elif kind == "recurring_installment":
        a_year = Fraction(terms.installments, int(terms.cycle.value[0]))
    else:
        return 0
    price = Fraction(terms.price.amount_minor)
    if discount is not None and discount.charges_left is None:
        if discount.basis_points:
            price -= price * Fraction(discount.basis_points, 10_000)
        else:
            price = max(Fraction(0), price - discount.amount_minor)
    if terms.tax.value == "inclusive":
        price /= 1 + Fraction(ppm, 1_000_000)
    return floor(price * a_year / 12 + Fraction(1, 2))


class Amounts(NamedTuple):
    """The worth of a subscription after its last write."""

    mrr: int
    paused: int
    trial: int
    pending: int


NOTHING = Amounts(0, 0, 0, 0)


def amounts(history: Sequence[Any], ppm: int, was: Amounts) -> Amounts:
    """The worth of a subscription after everything written of it so far, oldest first; `was` is
    what it was worth before the last of that."""
    now = history[-1]
    state, pending = now.state.value, False
    if state in {"cancelled", "completed"}:
        return NOTHING
    if state == "cancel_pending":
        state, pending = now.resumes_as.value, True
    is_freeze = now.thaws_to is not None and now.next_plan is None
    value = a_month(now.terms, None if is_freeze else now.discount, ppm)
    trial = value if now.state.value == "trialing" else 0
    if not now.payments_made or unpaid(history):
        return Amounts(0, 0, trial, 0)
    if state == "paused":
        return Amounts(0, was.mrr or was.paused if len(history) > 1 else value, 0, 0)
    if state in {"active", "past_due", "frozen"}:
        return Amounts(value, 0, 0, value if pending else 0)
    return Amounts(0, 0, trial, 0)


def unpaid(history: Sequence[Any]) -> bool:
    """Whether its retries were used up for a period that is still the one to pay, and no other time
    was bought since, as a thaw does that begins a year at once."""
    period, bought = history[-1].period, None
    for each in reversed(history):
        if each.period != period:
            break
        since = each.funds.since if each.funds is not None else None
        running = each.state.value in {"active", "frozen"}
        if since is not None and running and any(s.in_use_minor for s in each.funds.shares):
            bought = bought or since
        waits = each.due_at or each.open_invoice or each.waiting_since
        if each.state.value == "past_due" and waits is None:
            return bought is None or bought == since
    return False


class Expected(NamedTuple):
    """All that a customer's history makes of the figures, by day."""

    places: Counter[tuple[date, str, str, str, bool]]
    """The change of recurring revenue by day, product, country, currency and mode."""

    mrr: Counter[tuple[date, str]]
    """The change of recurring revenue by day and product."""
    kinds: Counter[tuple[date, str]]
    """The amounts by day and kind, but for `moved`."""
    steps: Counter[tuple[date, str]]
    """The customers that are new, return or end, by day."""


def expected(
    written: Sequence[tuple[datetime, Any, int]], zone: Any, countries: Mapping[str, str]
) -> Expected:
    """The figures of one customer, from each write of a subscription with its rate of tax, and the
    country that each is billed to."""
    histories: defaultdict[str, list[Any]] = defaultdict(list)
    worth: dict[str, tuple[Amounts, str]] = {}
    found = Expected(Counter(), Counter(), Counter(), Counter())
    ever, came = False, date.min
    for at, each, ppm in written:
        ended = each.state.value in {"cancelled", "completed"}
        day = (min(each.ends_at, at) if ended else at).astimezone(zone).date()
        if ended:  # nobody ends before the day on which they came
            day = max(day, came)
        histories[each.id].append(each)
        was, product = worth.get(each.id, (NOTHING, each.product))
        now = amounts(histories[each.id], ppm, was)
        others = any(a.mrr or a.paused for name, (a, _) in worth.items() if name != each.id)
        found.mrr[day, product] -= was.mrr
        found.mrr[day, each.product] += now.mrr
        where = (countries.get(each.id, "-"), each.terms.price.currency.value, each.test)
        found.places[(day, product, *where)] -= was.mrr
        found.places[(day, each.product, *where)] += now.mrr
        found.kinds[day, "trial"] += now.trial - was.trial
        found.kinds[day, "pending"] += now.pending - was.pending
        for kind, minor in _kinds(was, now, others, ever):
            found.kinds[day, kind] += minor
        lived, lives = bool(others or was.mrr or was.paused), bool(others or now.mrr or now.paused)
        if lives and not lived:
            found.steps[day, "returned" if ever else "new"] += 1
            came = day
        if lived and not lives:
            found.steps[day, "ended"] += 1
            came = date.min
        ever = ever or lives
        worth[each.id] = now, each.product
    return found


def _kinds(was: Amounts, now: Amounts, others: bool, ever: bool) -> list[tuple[str, int]]:
    begins = "expansion" if others else "reactivation" if ever else "new"
    ends = "contraction" if others else "churn"
    if was.paused and now.paused:
        return []
    if now.paused:
        return (
            [("paused", -was.mrr)] if was.mrr else [(begins, now.paused), ("paused", -now.paused)]
        )
    had, kinds = was.mrr, []
    if was.paused:
        kinds.append(("resumed", was.paused))
        had = was.paused
    if had == now.mrr:
        return kinds
    if not had:
        return [*kinds, (begins, now.mrr)]
    if not now.mrr:
        return [*kinds, (ends, -had)]
    return [*kinds, ("expansion" if now.mrr > had else "contraction", now.mrr - had)]


class Sold(NamedTuple):
    """An order's part of sales, refunds or chargebacks, before tax, and its tax."""

    name: str
    net: int
    tax: int


def sold(order: Any, invoice: Any, refund: Any) -> Sold | None:
    """The part of one entry of the transaction list; None for what has no money."""
    gross = order.amount.amount_minor
    taxes = [] if invoice is None else [line for line in invoice.lines if line.tax is not None]
    tax_of_all = sum(line.amount.amount_minor for line in taxes)
    tax = 0
    if invoice is not None and invoice.total.amount_minor:
        tax = floor(Fraction(gross * tax_of_all, invoice.total.amount_minor) + Fraction(1, 2))
    kind = order.kind.value
    if kind in {"sale", "rebill"}:
        return Sold("revenue", gross - tax, tax)
    if order.withdrawn:
        return None
    if kind == "refund":
        given = tax if refund is None else sum(refund.taxes)
        return Sold("refunds", gross - given, given)
    if kind == "chargeback":
        taken = tax if order.tax_minor is None else order.tax_minor
        return Sold("chargebacks", gross - taken, taken)
    return None
