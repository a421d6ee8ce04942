"""Makes an issued document of an invoice or a refund: what it shows, as it is now (B-5, M-7)."""

from __future__ import annotations

from datetime import timedelta

from billing.kernel.branding import Branding
from billing.kernel.customers import PaymentMethod
from billing.kernel.identities import UNSAID
from billing.kernel.invoices import Invoice, InvoiceLine, LineKind
from billing.kernel.issued_documents import (
    DocumentKind,
    IssuedDocument,
    PaidWith,
    Seller,
    Service,
)
from billing.kernel.merchants import Merchant
from billing.kernel.periods import Anchor
from billing.kernel.taxes import taxables_returned
from billing.kernel.values import replace
from billing.refunds.refunds import Refund


def invoice_document(
    invoice: Invoice,
    merchant: Merchant,
    method: PaymentMethod | None,
    *,
    language: str,
    file: str,
    branding: Branding | None = None,
) -> IssuedDocument:
    """Returns the document of a paid invoice that has its number.

    `method` is what it was paid with, if that still stands; `branding` is the seller's of now.
    """
    assert invoice.number is not None, "issued with its number, once it is paid"
    issued_at = invoice.settled_at or invoice.opened_at
    method = None if method is None else method.as_of(issued_at)
    return IssuedDocument(
        id=invoice.id,
        merchant=invoice.merchant,
        customer=invoice.customer,
        kind=DocumentKind.INVOICE,
        number=invoice.number,
        order_id=invoice.order_id,
        issued_at=issued_at,
        time_zone=merchant.settings.time_zone,
        language=language,
        seller=seller(merchant),
        buyer=invoice.bill_to,
        total=invoice.total,
        file=file,
        lines=invoice.lines,
        paid_with=None if method is None else PaidWith(method.brand, method.last4),
        test=invoice.test,
        service=_service(invoice, merchant.settings.time_zone),
        e_invoice=_carries_xml(merchant, invoice),
        accent=None if branding is None else branding.accent,
        logo=None if branding is None else branding.logo,
    )


def credit_note_document(
    refund: Refund,
    invoice: Invoice,
    merchant: Merchant,
    *,
    language: str,
    file: str,
    branding: Branding | None = None,
) -> IssuedDocument:
    """Returns the credit note of a refund that has its number; it names the invoice that it takes
    back."""
    assert refund.number is not None, "issued with its number"
    return IssuedDocument(
        id=refund.id,
        merchant=refund.merchant,
        customer=refund.customer,
        kind=DocumentKind.CREDIT_NOTE,
        number=refund.number,
        order_id=refund.order_id,
        issued_at=refund.settled_at or refund.requested_at,
        time_zone=merchant.settings.time_zone,
        language=language,
        seller=seller(merchant),
        buyer=invoice.bill_to,
        total=refund.amount,
        file=file,
        credits=invoice.number or invoice.id,
        lines=_credited_lines(refund, invoice),
        test=invoice.test,
        credits_at=invoice.settled_at or invoice.opened_at,
        e_invoice=_carries_xml(merchant, invoice),
        accent=None if branding is None else branding.accent,
        logo=None if branding is None else branding.logo,
    )


def _service(invoice: Invoice, zone: str) -> Service | None:
    if invoice.days is None:
        return None
    first = Anchor.at(invoice.scheduled_at, zone).wall.date()
    return Service(first, first + timedelta(days=invoice.days - 1))


def _carries_xml(merchant: Merchant, invoice: Invoice) -> bool:
    """Tells whether the PDF is an e-invoice too: for business buyers, where the merchant wants it
    (M-13)."""
    identity = merchant.identity or UNSAID
    return identity.e_invoices and invoice.bill_to.tax_id is not None


def _credited_lines(refund: Refund, invoice: Invoice) -> tuple[InvoiceLine, ...]:
    """Returns the lines of a credit note: nothing where its total is all of it, else its net amount
    and how much of each tax goes back, all negative (C-10)."""
    if not invoice.tax_lines:
        return ()
    gross = refund.amount.amount_minor
    net = gross - sum(refund.taxes)
    taxables = taxables_returned(invoice, gross, refund.taxes)

    def credited(line: InvoiceLine, share: int, taxable: int) -> InvoiceLine:
        amount, tax = replace(line.amount, amount_minor=-share), line.tax
        if tax is not None:
            tax = replace(tax, taxable_minor=-taxable)
        return replace(line, amount=amount, tax=tax)

    amount = replace(refund.amount, amount_minor=-net)
    taxes = zip(invoice.tax_lines, refund.taxes, taxables, strict=True)
    return (
        InvoiceLine(LineKind.CHARGE, invoice.product_name, amount),
        *(credited(*each) for each in taxes),
    )


def seller(merchant: Merchant) -> Seller:
    """Returns a merchant as its documents name it from now on."""
    identity = merchant.identity or UNSAID
    legal = identity.legal_name
    return Seller(
        legal or merchant.name,
        merchant.email,
        merchant.address,
        merchant.website,
        trading_name=merchant.name if legal and legal != merchant.name else None,
        tax_ids=identity.tax_ids,
        note=identity.invoice_note,
        untaxed_reason=identity.untaxed_reason,
    )
