"""The lines of a document as e-invoices have them, each with the tax that it is under (M-13)."""

from __future__ import annotations

from billing.kernel.invoices import InvoiceLine, LineKind
from billing.kernel.issued_documents import DocumentKind, IssuedDocument
from billing.kernel.values import Value, replace
from billing.render.messages import text
from billing.render.tax_groups import grouped

HALF_PPM = 500_000
"""Half a minor unit in millionths, which are the unit of rates."""


class Charged(Value):
    """Net lines and lines of tax; what was charged, or goes back by a credit note, is positive.

    `under` has the line of tax of each net line, None for one that was not taxed.
    """

    net: tuple[InvoiceLine, ...]
    under: tuple[InvoiceLine | None, ...]
    taxes: tuple[InvoiceLine, ...]


def charged(document: IssuedDocument) -> Charged | None:
    """Returns the lines of a document; None where several taxes are on one line, as in the US."""
    if document.kind is DocumentKind.CREDIT_NOTE:
        return _credited(document)
    under = grouped(document.lines)
    if under is None:
        return None
    net = tuple(line for line in document.lines if not line.is_tax)
    return Charged(net, under, tuple(line for line in document.lines if line.is_tax))


def _credited(document: IssuedDocument) -> Charged | None:
    """Splits the one net line of a credit note into one for each tax, and one for the rest."""
    described = text(document.language, "credit_note.line", number=document.credits or "")
    if not document.lines:
        return Charged((InvoiceLine(LineKind.CHARGE, described, document.total),), (None,), ())
    net, *taxes = (replace(line, amount=-line.amount) for line in document.lines)
    parts = [-line.tax.taxable_minor for line in taxes if line.tax is not None]
    if len(parts) < len(taxes) or sum(part > 0 for part in parts) > 1:
        return None  # only what was taken off had other taxes than the rest
    rest = net.amount.amount_minor - sum(parts)
    under: list[InvoiceLine | None] = [*taxes]
    if abs(rest) > len(parts):
        parts.append(rest)
        under.append(None)
    else:  # what the shares of several rates were rounded by
        parts[0] += rest
    amounts = (replace(net.amount, amount_minor=part) for part in parts)
    lines = tuple(InvoiceLine(LineKind.CHARGE, described, amount) for amount in amounts)
    return Charged(lines, tuple(under), tuple(taxes))


def is_of_tax_alone(document: IssuedDocument) -> bool:
    """Tells whether a credit note gives back tax, and nothing of what it was on.

    Where the net amount is nothing because credit was taxed otherwise, what the taxes are on is
    nothing in sum too, but for what their cents were rounded by.
    """
    if document.kind is not DocumentKind.CREDIT_NOTE or not document.lines:
        return False
    net, *lines = document.lines
    taxes = [line.tax for line in lines if line.tax is not None]
    rounded_by = sum(1 + HALF_PPM / tax.rate_ppm for tax in taxes if tax.rate_ppm)
    return not net.amount and abs(sum(tax.taxable_minor for tax in taxes)) > rounded_by


def is_discount(line: InvoiceLine) -> bool:
    """Tells whether a line is a coupon's discount, which is shown among the sums."""
    return line.coupon is not None and line.amount.amount_minor < 0
