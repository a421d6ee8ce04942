"""Lines of an invoice: what is sold, a discount, the parts of a plan change, a tax (A-4, C-8,
C-10)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

from billing.kernel.money import Money
from billing.kernel.values import Value


class LineKind(StrEnum):
    """The kinds of invoice line other than tax: the product sold, and the parts of a plan change
    (A-4)."""

    CHARGE = "charge"
    FREEZE = "freeze"
    REST = "rest"
    UNUSED = "unused"
    CREDIT = "credit"
    OWED = "owed"
    KEPT = "kept"
    POSTPONED = "postponed"
    LATER = "later"


NOT_TAX = frozenset(kind.value for kind in LineKind)


class LineTax(Value):
    """The rate of a line of tax in millionths, and the net amount that it is on (C-10).

    `included`: the tax is in the price, not on top of it. `reverse_charge`: the buyer owes it, so
    the line's amount is 0.
    """

    rate_ppm: int
    taxable_minor: int
    included: bool = False
    reverse_charge: bool = False


class InvoiceLine(Value):
    """One line of an invoice.

    `kind` is a `LineKind`, or, on a line of tax, its jurisdiction, such as `US-CA` or `DE`; the
    code of 0.2.0 books each other kind as tax. `text` is the product's or the tax's name. `coupon`
    is the code of the coupon whose discount it is, which that code books as a part of the sale.
    """

    kind: str
    text: str
    amount: Money
    tax: LineTax | None = None
    coupon: str | None = None

    @property
    def is_tax(self) -> bool:
        return self.tax is not None or self.kind not in NOT_TAX


def coupon_of(lines: Iterable[InvoiceLine]) -> str | None:
    """Returns the code of the coupon whose discount is among lines, or None."""
    return next((line.coupon for line in lines if line.coupon is not None), None)


def are_retaxed(lines: Sequence[InvoiceLine]) -> bool:
    """Tells whether money that lines take off had been taxed otherwise than what they sell: a tax
    is then not on their net amount (C-10)."""
    net = sum(line.amount.amount_minor for line in lines if not line.is_tax)
    return any(line.tax is not None and line.tax.taxable_minor != net for line in lines)


def postponed_minor(lines: Iterable[InvoiceLine]) -> int:
    """Returns the amount that lines carry to the next invoice, in minor units."""
    return -sum(line.amount.amount_minor for line in lines if line.kind == LineKind.POSTPONED)
