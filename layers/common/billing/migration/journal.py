"""Rows of a journal: the ledger as accountants and their programs book it (M-6, M-7)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from billing.kernel import ledger
from billing.kernel.invoices import Invoice
from billing.kernel.ledger import LedgerEntry
from billing.kernel.orders import Order
from billing.migration.rows import Row, units
from billing.refunds.refunds import Refund

PERCENT_DIGITS = 4
"""The digits of a rate in millionths behind the point of its percentage."""


def booked(entry: LedgerEntry) -> str:
    """Returns the id of what an entry books: an invoice, a refund, a chargeback."""
    return entry.id.rpartition(":")[0]


def refunds(entry: LedgerEntry) -> bool:
    """Tests whether an entry books a refund, or one that came back."""
    return entry.id.endswith((":refunded", ":returned"))


def of_entry(
    entry: LedgerEntry, order: Order, invoice: Invoice, refund: Refund | None, zone: str
) -> Iterator[Row]:
    """Yields the postings of an entry, each a debit or a credit; those of an entry balance.

    The document is the credit note of a refund, the invoice of all else. A posting of tax has the
    code of its tax, one of revenue the codes of all taxes on its invoice.
    """
    document = invoice.number if refund is None else refund.number
    for posting in entry.postings:
        amount = posting.amount_minor
        yield {
            "date": _local_day(entry.at, zone),
            "document": document,
            "account": posting.account,
            "debit": units(amount) if amount >= 0 else None,
            "credit": units(-amount) if amount < 0 else None,
            "currency": entry.currency.value,
            "tax_code": _tax_code(posting.account, invoice),
            "entry": entry.id,
            "order": order.id,
            "customer": entry.customer,
            "test": entry.test,
        }


def _local_day(at: datetime, zone: str) -> str:
    return at.astimezone(ZoneInfo(zone)).date().isoformat()


def _tax_code(account: str, invoice: Invoice) -> str | None:
    """Returns the codes of taxes that a posting is of, such as `DE VAT 19%`; None for money."""
    codes: dict[str, None] = {}
    for line in invoice.tax_lines:
        if line.tax is None or account not in {ledger.SALES, f"{ledger.TAX}:{line.kind}"}:
            continue
        percent = Decimal(line.tax.rate_ppm).scaleb(-PERCENT_DIGITS).normalize()
        charge = " reverse charge" if line.tax.reverse_charge else ""
        codes[f"{line.kind} {line.text} {percent:f}%{charge}"] = None
    return "; ".join(codes) or None
