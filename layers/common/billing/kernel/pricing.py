"""Quotes the price of a purchase: today's amount, later charges, tax lines, total (C-1, P-19)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice

from billing.kernel.catalog import PriceTerms, PriceType
from billing.kernel.discounts import Discount, left_after
from billing.kernel.invoice_lines import postponed_minor
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
from billing.kernel.values import Value, replace


class Quote(Value):
    """Today's charge with its lines, and the first charges after it, before tax and less their
    discount; `discount` is that of the purchase."""

    kind: ChargeKind
    lines: tuple[InvoiceLine, ...]
    total: Money
    following: tuple[ScheduledCharge, ...]
    anchor: Anchor
    discount: Discount | None = None

    def service_until(self, terms: PriceTerms) -> datetime | None:
        """Returns the end of the time that today's charge pays for; None where that is no time of
        its own, as with installments."""
        if self.kind is ChargeKind.INITIAL:
            return standard_at(terms, standard_anchor(terms, self.anchor), 0)
        return standard_at(terms, self.anchor, 1) if terms.type is PriceType.RECURRING else None


def sold(
    line: InvoiceLine, taxation: Taxation, discount: Discount | None = None, *, inclusive: bool
) -> list[Taxable]:
    """Returns the line of what is sold, and that of its discount, which lowers what is taxed (C-8,
    C-10).

    The code of 0.2.0 books a line of this kind as a part of the sale.
    """
    lines = [Taxable(line, taxation, inclusive)]
    if discount is not None:
        off = replace(line, amount=-discount.off(line.amount), coupon=discount.coupon)
        lines.append(Taxable(off, taxation, inclusive))
    return lines


def chargeable(
    lines: Sequence[Taxable], minimum_minor: int, *, follows: bool
) -> tuple[tuple[InvoiceLine, ...], Money]:
    """Returns lines with their taxes, and what is charged of them: nothing, where a coupon leaves
    less than the gateway's minimum, or less than the tax on the credit that pays for it (C-8).

    The rest is carried to the next invoice, and taxed there; it is waived where none `follows`.
    """
    made, total = taxed(lines)
    enough = not total or total.amount_minor >= minimum_minor
    if enough or all(line.coupon is None for line in made):
        return made, total
    nothing = replace(total, amount_minor=0)
    left = tuple(line for line in made if not line.is_tax)
    # Not taxed yet, or never; what the taxes are is kept for the unused time of what is carried.
    untaxed = tuple(
        replace(line, amount=nothing, tax=replace(line.tax, taxable_minor=0))
        for line in made
        if line.tax is not None and line.tax.taxable_minor >= 0
    )
    rest = sum((line.amount for line in left), nothing)
    if follows and rest:
        carried = InvoiceLine(LineKind.POSTPONED, left[0].text, -rest)
        return (*left, carried, *untaxed), nothing
    waived = tuple(
        replace(line, amount=line.amount - rest) if line.coupon is not None else line
        for line in left
    )
    return (*waived, *untaxed), nothing


def lines_for(
    amount: Money,
    text: str,
    taxation: Taxation = UNTAXED,
    *,
    inclusive: bool = False,
    discount: Discount | None = None,
    minimum_minor: int = 0,
    follows: bool = True,
) -> tuple[tuple[InvoiceLine, ...], Money]:
    """Returns the charge's own line with its discount and tax lines, and their total."""
    line = InvoiceLine(LineKind.CHARGE, text, amount)
    lines = sold(line, taxation, discount, inclusive=inclusive)
    return chargeable(lines, minimum_minor, follows=follows)


def discounted(
    charges: Iterable[ScheduledCharge], discount: Discount | None
) -> Iterator[tuple[ScheduledCharge, Discount | None]]:
    """Yields each charge of a schedule with the discount on it, None where there is none (C-8).

    It is on as many standard payments as the coupon says, and on an initial price that is not 0
    where it says so.
    """
    for charge in charges:
        if charge.kind is ChargeKind.INITIAL:
            touched = discount is not None and discount.applies_to_initial and bool(charge.amount)
            yield charge, discount if touched else None
        else:
            yield charge, discount
            discount = None if discount is None else left_after(discount, discount.coupon)


def quote(
    terms: PriceTerms,
    text: str,
    start: datetime,
    zone: str,
    *,
    taxation: Taxation = UNTAXED,
    following: int = 3,
    discount: Discount | None = None,
    minimum_minor: int = 0,
) -> Quote:
    """Quotes a purchase at `start` (aware): the charge now, and up to `following` charges after
    it."""
    anchor = Anchor.at(start, zone)
    (today, off), *later = islice(discounted(charges(terms, anchor), discount), following + 2)
    lines, total = lines_for(
        today.amount,
        text,
        taxation,
        inclusive=terms.tax_inclusive,
        discount=off,
        minimum_minor=minimum_minor,
        follows=bool(later),
    )
    coming, owed = list[ScheduledCharge](), postponed_minor(lines)
    for place, (charge, off) in enumerate(later[:following]):
        due = _with_owed(charge, off, owed, taxation, inclusive=terms.tax_inclusive)
        made, charged = chargeable(due, minimum_minor, follows=place + 1 < len(later))
        price = sum(each.gross_minor if terms.tax_inclusive else each.amount_minor for each in due)
        amount = replace(charge.amount, amount_minor=price if charged else 0)
        coming.append(replace(charge, amount=amount))
        owed = postponed_minor(made)
    return Quote(today.kind, lines, total, tuple(coming), anchor, discount)


def _with_owed(
    charge: ScheduledCharge,
    off: Discount | None,
    owed_minor: int,
    taxation: Taxation,
    *,
    inclusive: bool,
) -> list[Taxable]:
    """Returns the lines of a later charge, with what the one before it carries on."""
    line = InvoiceLine(LineKind.CHARGE, "", charge.amount)
    lines = sold(line, taxation, off, inclusive=inclusive)
    if owed_minor:
        owed = replace(charge.amount, amount_minor=owed_minor)
        lines.append(Taxable(InvoiceLine(LineKind.OWED, "", owed), taxation))
    return lines
