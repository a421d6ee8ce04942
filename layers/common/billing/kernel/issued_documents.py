"""Issued documents: invoices and credit notes as they were issued, for good (B-5, M-7)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from billing.kernel.customers import Address, BillTo
from billing.kernel.invoices import InvoiceLine
from billing.kernel.money import Money
from billing.kernel.values import Value
from billing.kernel.writes import Entity


class DocumentKind(StrEnum):
    """The kinds of document that are issued under a number."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


class Seller(Value):
    """A merchant as a document names it."""

    name: str
    email: str
    address: Address | None = None
    website: str | None = None


class PaidWith(Value):
    """The payment method that a document names, with the digits it had when it paid."""

    brand: str
    last4: str


class IssuedDocument(Entity):
    """Everything that an invoice or a credit note shows; written once, with its number.

    `id` is the invoice's or the refund's. `issued_at` is shown as a day in `time_zone`. A credit
    note `credits` the invoice of that number; it has no lines, for its total is all of it. `file`
    names its PDF in the object store; it is drawn, so that tables that were restored and give a
    number again never meet the PDF of another document.
    """

    id: str
    merchant: str
    customer: str
    kind: DocumentKind
    number: str
    order_id: str
    issued_at: datetime
    time_zone: str
    language: str
    seller: Seller
    buyer: BillTo
    total: Money
    file: str
    lines: tuple[InvoiceLine, ...] = ()
    paid_with: PaidWith | None = None
    credits: str | None = None
    test: bool = False
