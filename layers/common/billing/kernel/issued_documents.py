"""Issued documents: invoices and credit notes as they were issued, for good (B-5, M-7)."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from billing.kernel.branding import Logo
from billing.kernel.customers import Address, BillTo
from billing.kernel.identities import TaxId
from billing.kernel.invoices import InvoiceLine, LineKind
from billing.kernel.money import Money
from billing.kernel.values import Value
from billing.kernel.writes import Entity


class DocumentKind(StrEnum):
    """The kinds of document that are issued under a number."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


class Seller(Value):
    """A merchant as a document names it.

    `name` is its legal name, `trading_name` the one it is known by where that is another.
    `untaxed_reason` is why it charges no tax where it charges none.
    """

    name: str
    email: str
    address: Address | None = None
    website: str | None = None
    trading_name: str | None = None
    tax_ids: tuple[TaxId, ...] = ()
    note: str = ""
    untaxed_reason: str = ""


class PaidWith(Value):
    """The payment method that a document names, with the digits it had when it paid."""

    brand: str
    last4: str


class Service(Value):
    """The first and the last day that a payment is for, in its document's time zone."""

    first: date
    last: date


class IssuedDocument(Entity):
    """Everything that an invoice or a credit note shows; written once, with its number.

    `id` is the invoice's or the refund's. `issued_at` is shown as a day in `time_zone`. A credit
    note `credits` the invoice of that number; it has no lines, for its total is all of it. `file`
    names its PDF in the object store; it is drawn, so that tables that were restored and give a
    number again never meet the PDF of another document.
    `service` is the time that is paid for, where it is known. `credits_at` is when the credited
    invoice was issued. With `e_invoice` the PDF carries its XML (M-13). `accent` and `logo` are the
    seller's branding of that day (M-11).
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
    service: Service | None = None
    credits_at: datetime | None = None
    e_invoice: bool = False
    accent: str | None = None
    logo: Logo | None = None

    def served(self, line: InvoiceLine) -> tuple[date, date] | None:
        """Returns the first and the last day that a line is for, where it is for a time."""
        if self.service is None or line.kind not in _OF_A_TIME or line.coupon is not None:
            return None
        return self.service.first, self.service.last


_OF_A_TIME = frozenset({LineKind.CHARGE, LineKind.FREEZE, LineKind.REST, LineKind.UNUSED})
