"""Quotes the price of a purchase: today's amount, later charges, tax lines, total (C-1, P-19)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import islice

from billing.kernel.catalog import PriceTerms
from billing.kernel.customers import Address
from billing.kernel.invoices import InvoiceLine
from billing.kernel.money import Money
from billing.kernel.periods import Anchor
from billing.kernel.schedule import ChargeKind, ScheduledCharge, charges
from billing.kernel.values import Value

TaxLines = Callable[[Money, Address | None], Iterable[InvoiceLine]]
"""Computes the tax lines on an amount for a bill-to address; fixed when the invoice is opened
(P-19)."""


def untaxed(amount: Money, address: Address | None) -> Iterable[InvoiceLine]:
    """Returns no tax lines; used until a merchant keeps a tax table (C-7)."""
    return ()


class Quote(Value):
    """Today's charge with its lines, and the first charges after it."""

    kind: ChargeKind
    lines: tuple[InvoiceLine, ...]
    total: Money
    following: tuple[ScheduledCharge, ...]
    anchor: Anchor


def lines_for(
    amount: Money, text: str, address: Address | None, tax: TaxLines = untaxed
) -> tuple[tuple[InvoiceLine, ...], Money]:
    """Returns the charge's own line with its tax lines, and their total."""
    return with_tax((InvoiceLine("charge", text, amount),), amount, address, tax)


def with_tax(
    lines: tuple[InvoiceLine, ...], net: Money, address: Address | None, tax: TaxLines = untaxed
) -> tuple[tuple[InvoiceLine, ...], Money]:
    """Returns lines that add up to `net` with the tax lines on it, and the total."""
    taxes = tuple(tax(net, address))
    total = net
    for line in taxes:
        total += line.amount
    return (*lines, *taxes), total


def quote(
    terms: PriceTerms,
    text: str,
    start: datetime,
    zone: str,
    address: Address | None = None,
    *,
    tax: TaxLines = untaxed,
    following: int = 3,
) -> Quote:
    """Quotes a purchase at `start` (aware): the charge now, and up to `following` charges after
    it."""
    anchor = Anchor.at(start, zone)
    today, *later = islice(charges(terms, anchor), following + 1)
    lines, total = lines_for(today.amount, text, address, tax)
    return Quote(today.kind, lines, total, tuple(later), anchor)
