"""The lines of a document as e-invoices have them: what was charged, or goes back, is positive.

A credit note has one net line for all that goes back; an e-invoice needs one for each tax (M-13).
"""

from __future__ import annotations

from collections.abc import Sequence

from billing.kernel.invoices import InvoiceLine, LineKind, LineTax
from billing.kernel.issued_documents import DocumentKind, IssuedDocument
from billing.kernel.values import replace
from billing.render.messages import text


def charged_lines(document: IssuedDocument) -> Sequence[InvoiceLine] | None:
    """Returns the lines as positive amounts that are charged, or given back by a credit note.

    A credit note has one net line for all that goes back: here it is one for each tax, or None
    altogether where several taxes are on one amount.
    """
    if document.kind is DocumentKind.INVOICE:
        return document.lines
    described = text(document.language, "credit_note.line", number=document.credits or "")
    if not document.lines:
        return (InvoiceLine(LineKind.CHARGE, described, document.total),)
    net, *taxes = (_turned(line) for line in document.lines)
    bases = [line.tax.taxable_minor for line in taxes if line.tax is not None]
    if len(bases) < len(taxes) or sum(base > 0 for base in bases) > 1:
        return None  # only what was taken off had other taxes than the rest
    rest = net.amount.amount_minor - sum(bases)
    if rest and abs(rest) <= len(bases):  # what the shares of several rates were rounded by
        bases[0] += rest
        taxes[0] = _on(taxes[0], bases[0])
        rest = 0
    parts = [*bases, *([rest] if rest else [])]
    return (
        *(
            InvoiceLine(LineKind.CHARGE, described, replace(net.amount, amount_minor=part))
            for part in parts
        ),
        *taxes,
    )


def _turned(line: InvoiceLine) -> InvoiceLine:
    turned = replace(line, amount=-line.amount)
    return turned if line.tax is None else _on(turned, -line.tax.taxable_minor)


def _on(line: InvoiceLine, taxable_minor: int) -> InvoiceLine:
    assert line.tax is not None
    tax: LineTax = replace(line.tax, taxable_minor=taxable_minor)
    return replace(line, tax=tax)
