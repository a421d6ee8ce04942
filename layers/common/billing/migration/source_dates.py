"""The charges that a source would make by its own dates, beside which a dry run is read (M-6)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import count

from billing.kernel.catalog import PriceTerms, PriceType
from billing.kernel.money import Money
from billing.kernel.periods import Anchor
from billing.kernel.schedule import standard_at
from billing.kernel.subscription import State
from billing.migration.agreements import Scheduled
from billing.migration.import_rows import ImportRow

CHARGED = frozenset({State.ACTIVE, State.TRIALING})


def charges(
    row: ImportRow, terms: PriceTerms, found: Scheduled, until: datetime
) -> Iterator[tuple[datetime, Money]]:
    """Yields the charges of a row up to an instant: its price, periods after its next date.

    Coupons, credit and taxes are not in it: the file does not say what the source makes of them.
    """
    first = row.next_charge_at
    if row.status not in CHARGED or first is None:
        return
    price = terms.price if row.price is None else row.price
    amount = Money(price.amount_minor * row.quantity, price.currency)
    total = terms.standard_payments
    for k in count():
        at = _at(row, terms, found, first, k)
        if at > until or (total is not None and found.payments_made + k >= total):
            return
        yield at, amount


def _at(row: ImportRow, terms: PriceTerms, found: Scheduled, first: datetime, k: int) -> datetime:
    """Returns the date of charge `k`, months after the first where it is plain; a set of
    installments has its own."""
    if terms.type is PriceType.RECURRING_INSTALLMENT or terms.period is None:
        return standard_at(terms, found.anchor, found.period - found.anchor_period + k)
    return Anchor.at(first, row.zone).plus(terms.period.length, k).instant
