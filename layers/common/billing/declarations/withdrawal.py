"""The part of a payment that goes back when its buyer withdraws from the contract (X-10)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise

from billing.kernel.invoices import Invoice

DAY = timedelta(days=1)


def owed_minor(invoice: Invoice, at: datetime, *, in_proportion: bool) -> int | None:
    """Returns how much of a payment is owed to a buyer who withdrew at `at`, in minor units.

    All of it, or where they had asked for an immediate start, what the days not used are worth:
    only whole days count as used, and what is left is rounded up. None where the payment says no
    days: a person must decide.
    """
    total = invoice.total.amount_minor
    if not in_proportion:
        return total
    if not invoice.days:
        return None
    used = min(invoice.days, max(0, (at - invoice.scheduled_at) // DAY))
    return total - total * used // invoice.days


def is_converted(invoices: Sequence[Invoice], price_point: str) -> bool:
    """Tests whether unused days of a payment became those of another plan, or credit, before the
    withdrawal from what is at a price point now: then days alone do not say what was used.

    `invoices` are the paid ones, oldest first. Days that end with the same day stay the same days.
    """
    if not invoices:
        return False
    shifted = any(
        each.changes_plan and _ends(each) != _ends(before) for before, each in pairwise(invoices)
    )
    last = invoices[-1]
    changed = last.price_point != price_point and (last.period is not None or last.changes_plan)
    return shifted or changed or any(each.credit_minor for each in invoices)


def _ends(invoice: Invoice) -> date:
    """Returns the day on which what it pays for ends."""
    return (invoice.scheduled_at + (invoice.days or 0) * DAY).date()


def left_minor(invoice: Invoice, owed: int) -> int:
    """Returns how much still goes back of what is owed, with what went back before taken off."""
    gone = invoice.refund_reserved_minor + invoice.disputed_minor
    return max(0, min(owed, invoice.total.amount_minor) - gone)
