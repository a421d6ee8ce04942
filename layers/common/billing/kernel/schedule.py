"""Computes all dates and amounts of a purchase from terms, start and zone (P-3 .. P-13, P-19).

Preview, checkout, the rebill engine and the forecast all use this module, so preview equals charge.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from itertools import count

from billing.kernel.catalog import PriceTerms, PriceType
from billing.kernel.money import Money
from billing.kernel.periods import Anchor, nth
from billing.kernel.values import Value


class ChargeKind(StrEnum):
    """The kind of a charge: `initial` for the amount of an initial period, else `standard`."""

    INITIAL = "initial"
    STANDARD = "standard"


class ScheduledCharge(Value):
    """One entry of a schedule; `n` counts every entry from 1, `amount` is before tax."""

    n: int
    kind: ChargeKind
    at: datetime
    amount: Money


def charges(terms: PriceTerms, start: Anchor) -> Iterator[ScheduledCharge]:
    """Yields every charge of a purchase made at `start`, in order; endless if it runs until
    cancelled."""
    numbers = count(1)
    if terms.initial is not None:
        yield ScheduledCharge(next(numbers), ChargeKind.INITIAL, start.instant, terms.due_today)
    anchor = standard_anchor(terms, start)
    total = terms.standard_payments
    for k in count() if total is None else range(total):
        at = standard_at(terms, anchor, k)
        yield ScheduledCharge(next(numbers), ChargeKind.STANDARD, at, terms.price)


def standard_anchor(terms: PriceTerms, start: Anchor) -> Anchor:
    """Returns the anchor of standard billing: the start, or the end of the initial period
    (P-11)."""
    return start if terms.initial is None else start.plus(terms.initial.length)


def standard_at(terms: PriceTerms, anchor: Anchor, k: int) -> datetime:
    """Returns the instant of standard payment `k`, counted from 0 (P-5, P-6, P-8, P-12).

    Payment j of cycle c of a recurring installment is the anchor plus all its months in one step,
    clamped once; with a weekly recurrence, whole weeks from the cycle's own first date (P-8).
    """
    if terms.type is PriceType.ONE_TIME:
        assert k == 0, "a one-time price is charged once"
        return anchor.instant
    assert terms.period is not None
    if terms.type is not PriceType.RECURRING_INSTALLMENT:
        return nth(anchor, terms.period, k)
    assert terms.installments is not None and terms.cycle is not None
    cycle, j = divmod(k, terms.installments)
    inner = terms.period.length
    months = cycle * terms.cycle.length.months + j * inner.months
    return anchor.plus_months(months, days=j * inner.days).instant


def anchored_at(terms: PriceTerms, start: Anchor, k: int) -> tuple[Anchor, int]:
    """Returns the anchor that puts payment `k` of a schedule at `start`, and the payment it counts
    from.

    That is `k` itself, or the first of its set for recurring installments, whose sets stay whole.
    `k` is counted from the anchor before, as in `standard_at`.
    """
    if terms.type is not PriceType.RECURRING_INSTALLMENT:
        return start, k
    assert terms.installments is not None and terms.period is not None
    j, inner = k % terms.installments, terms.period.length
    return start.plus_months(-j * inner.months, days=-j * inner.days), k - j


def ends_at(terms: PriceTerms, start: Anchor) -> datetime | None:
    """Returns the instant of a plan's last charge; None if it runs until cancelled."""
    total = terms.standard_payments
    return None if total is None else standard_at(terms, standard_anchor(terms, start), total - 1)
