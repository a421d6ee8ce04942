"""Quotes the price of a purchase: today's amount, later charges, tax lines, total (C-1, P-19)."""

from __future__ import annotations

from datetime import datetime
from itertools import islice

from billing.kernel.catalog import PriceTerms, PriceType
from billing.kernel.invoices import InvoiceLine, LineKind
from billing.kernel.money import Money
from billing.kernel.periods import Anchor
from billing.kernel.schedule import (
    ChargeKind,
    ScheduledCharge,
    charges,
    standard_anchor,
    standard_at,
)
from billing.kernel.taxes import UNTAXED, Taxable, Taxation, taxed
from billing.kernel.values import Value


class Quote(Value):
    """Today's charge with its lines, and the first charges after it, as their price says."""

    kind: ChargeKind
    lines: tuple[InvoiceLine, ...]
    total: Money
    following: tuple[ScheduledCharge, ...]
    anchor: Anchor

    def service_until(self, terms: PriceTerms) -> datetime | None:
        """Returns the end of the time that today's charge pays for; None where that is no time of
        its own, as with installments."""
        if self.kind is ChargeKind.INITIAL:
            return standard_at(terms, standard_anchor(terms, self.anchor), 0)
        return standard_at(terms, self.anchor, 1) if terms.type is PriceType.RECURRING else None


def lines_for(
    amount: Money, text: str, taxation: Taxation = UNTAXED, *, inclusive: bool = False
) -> tuple[tuple[InvoiceLine, ...], Money]:
    """Returns the charge's own line with its tax lines, and their total."""
    return taxed([Taxable(InvoiceLine(LineKind.CHARGE, text, amount), taxation, inclusive)])


def quote(
    terms: PriceTerms,
    text: str,
    start: datetime,
    zone: str,
    *,
    taxation: Taxation = UNTAXED,
    following: int = 3,
) -> Quote:
    """Quotes a purchase at `start` (aware): the charge now, and up to `following` charges after
    it."""
    anchor = Anchor.at(start, zone)
    today, *later = islice(charges(terms, anchor), following + 1)
    lines, total = lines_for(today.amount, text, taxation, inclusive=terms.tax_inclusive)
    return Quote(today.kind, lines, total, tuple(later), anchor)
