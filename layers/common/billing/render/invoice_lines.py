"""The table of an invoice or a credit note as its PDF shows it: lines, discounts, taxes, sums."""

from __future__ import annotations

from collections.abc import Sequence

from billing.kernel.invoices import InvoiceLine, LineKind
from billing.kernel.issued_documents import DocumentKind, IssuedDocument
from billing.kernel.money import Money
from billing.kernel.values import replace
from billing.render import formats, wording
from billing.render.charged_lines import is_discount, is_of_tax_alone
from billing.render.einvoice import EInvoice, einvoice_of
from billing.render.messages import text
from billing.render.tax_groups import grouped

ONE = "1"


def table(document: IssuedDocument) -> dict[str, object]:
    """Returns head, lines and sums: a line has its words, its time, quantity, price, tax and
    amount."""
    language = document.language
    lines = _lines(document)
    if is_of_tax_alone(document):
        return _of_tax_alone(document, [line for line in lines if line.is_tax and line.amount])
    net = [line for line in lines if not line.is_tax]
    rates = _rates(document, lines)
    shown = [(line, rate) for line, rate in zip(net, rates, strict=True) if not is_discount(line)]
    with_tax = any(rate for _, rate in shown)
    return {
        "head": _head(language, with_tax=with_tax),
        "lines": [_row(document, line, rate if with_tax else None) for line, rate in shown],
        "sums": _sums(document, lines),
    }


def tax_notes(document: IssuedDocument) -> list[str]:
    """Returns why tax is owed by the buyer, or by nobody, in the words of its e-invoice."""
    found = einvoice_of(document)
    if isinstance(found, EInvoice):
        return list(dict.fromkeys(each.reason for each in found.vat if each.reason))
    taxes = [line.tax for line in document.lines if line.tax is not None]
    if any(tax.reverse_charge for tax in taxes):
        return [text(document.language, "document.reverse_charge")]
    return [document.seller.untaxed_reason] if not taxes and document.seller.untaxed_reason else []


def _lines(document: IssuedDocument) -> Sequence[InvoiceLine]:
    """Returns the lines as they are shown: a credit note's first is of all that goes back."""
    if document.kind is DocumentKind.INVOICE:
        return document.lines
    described = text(document.language, "credit_note.line", number=document.credits or "")
    if not document.lines:
        return (InvoiceLine(LineKind.CHARGE, described, -document.total),)
    net, *taxes = document.lines
    return (replace(net, text=described), *taxes)


def _of_tax_alone(document: IssuedDocument, taxes: Sequence[InvoiceLine]) -> dict[str, object]:
    """Returns the table of a credit note of tax alone: the taxes that go back, and their total."""
    language = document.language
    total = formats.money(-document.total, language)
    rows = [(_tax_words(line, language), formats.money(line.amount, language)) for line in taxes]
    return {
        "head": _head(language, with_tax=False),
        "lines": [{"words": w, "period": None, "cells": [ONE, a, a]} for w, a in rows],
        "sums": [[text(language, "credit_note.total"), total, True]],
    }


def _head(language: str, *, with_tax: bool) -> list[str]:
    return [
        text(language, "invoice.description"),
        text(language, "document.quantity"),
        text(language, "document.unit_price"),
        *([text(language, "document.tax")] if with_tax else []),
        text(language, "invoice.amount"),
    ]


def _rates(document: IssuedDocument, lines: Sequence[InvoiceLine]) -> list[str]:
    """Returns the rate of each net line, and nothing where it has none or several."""
    net = [line for line in lines if not line.is_tax]
    under = grouped(lines)
    if under is None:
        return [""] * len(net)
    language = document.language
    return [
        formats.rate(line.tax.rate_ppm, language) if line is not None and line.tax else ""
        for line in under
    ]


def _row(document: IssuedDocument, line: InvoiceLine, rate: str | None) -> dict[str, object]:
    language, period = document.language, document.served(line)
    amount = formats.money(line.amount, language)
    return {
        "words": wording.line(line, language),
        "period": None if period is None else formats.days(*period, language),
        "cells": [ONE, amount, *([] if rate is None else [rate]), amount],
    }


def _sums(document: IssuedDocument, lines: Sequence[InvoiceLine]) -> list[list[object]]:
    """Returns the sums under the lines as label, amount, and whether it is the total."""
    language, nothing = document.language, replace(document.total, amount_minor=0)
    discounts = [line for line in lines if is_discount(line)]
    taxes = [line for line in lines if line.is_tax]
    sold = [line for line in lines if not line.is_tax and not is_discount(line)]

    def row(label: str, amount: Money, *, total: bool = False) -> list[object]:
        return [label, formats.money(amount, language), total]

    subtotal = sum((line.amount for line in sold), nothing)
    net = sum((line.amount for line in discounts), subtotal)
    rows = []
    if discounts or taxes:
        rows.append(row(text(language, "document.subtotal"), subtotal))
    rows += [row(wording.line(line, language), line.amount) for line in discounts]
    if taxes:
        rows.append(row(text(language, "document.before_tax"), net))
    rows += [row(_tax_words(line, language), line.amount) for line in taxes]
    if document.kind is DocumentKind.CREDIT_NOTE:
        return [*rows, row(text(language, "credit_note.total"), -document.total, total=True)]
    return [
        *rows,
        row(text(language, "invoice.total"), document.total, total=True),
        row(text(language, "document.paid"), document.total),
        row(text(language, "document.due"), nothing),
    ]


def _tax_words(line: InvoiceLine, language: str) -> str:
    words = wording.line(line, language)
    if line.tax is None:
        return words
    taxable = replace(line.amount, amount_minor=line.tax.taxable_minor)
    return text(language, "document.tax_on", tax=words, amount=formats.money(taxable, language))
