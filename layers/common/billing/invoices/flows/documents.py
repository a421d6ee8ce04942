"""Invoices as documents: their gap-free numbers, their links, their PDFs (M-7, B-5, C-3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hmac import compare_digest
from typing import TypeVar

from billing.kernel import domains
from billing.kernel.errors import Conflict, NotFound
from billing.kernel.invoices import Invoice, InvoiceCounter, InvoiceState
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.writes import Change, Insert
from billing.refunds.refunds import Refund
from billing.render import invoice_pdf

NUMBERING_ATTEMPTS = 20

Document = TypeVar("Document", Invoice, Refund)


def numbered(ports: Ports, merchant: str, customer: str, invoice: str) -> Invoice:
    """Returns the paid invoice with its number, given now if it has none."""

    def read() -> Invoice:
        found = ports.store.invoice(merchant, customer, invoice)
        assert found is not None, "an event names an invoice that is there"
        return found

    found = read()
    if found.state is not InvoiceState.PAID:
        return found
    return _numbered(ports, InvoiceCounter(merchant, found.test), found, read)


def numbered_refund(ports: Ports, invoice: Invoice, refund: str) -> Refund:
    """Returns the refund with its credit note's number, given now if it has none."""

    def read() -> Refund:
        found = ports.store.refund(invoice.merchant, invoice.customer, refund)
        assert found is not None, "an event names a refund that is there"
        return found

    first = InvoiceCounter(invoice.merchant, invoice.test, credit_notes=True)
    return _numbered(ports, first, read(), read)


def _numbered(
    ports: Ports, first: InvoiceCounter, document: Document, read: Callable[[], Document]
) -> Document:
    """Numbers a document in one write with its counter: no gap and no number twice (M-7)."""
    for _ in range(NUMBERING_ATTEMPTS):
        if document.number is not None:
            return document
        counter = ports.store.invoice_counter(
            first.merchant, first.test, credit_notes=first.credit_notes
        )
        after = (counter or first).next
        given = replace(document, number=after.number)
        try:
            ports.store.commit(
                Change(counter, after) if counter else Insert(after), Change(document, given)
            )
        except Conflict:
            document = read()
            continue
        return given
    raise Conflict()


def link(ports: Ports, merchant: Merchant, invoice: Invoice) -> str:
    """Returns the address at which its holder can download the invoice (C-3)."""
    base = domains.portal(ports.operation.public_url, merchant)
    return f"{base}/invoices/{_reference(invoice)}/invoice.pdf"


def payment_link(ports: Ports, merchant: Merchant, invoice: Invoice) -> str:
    """Returns the page of a payment that needs its customer, for the holder of its mail (R-4)."""
    base = domains.portal(ports.operation.public_url, merchant)
    return f"{base}/payments/{_reference(invoice)}"


def download(ports: Ports, merchant: str, reference: str) -> bytes:
    """Returns the PDF that a link names; `NotFound` for anything but a link that we made (B-5)."""
    invoice = linked(ports, merchant, reference)
    if invoice.state is not InvoiceState.PAID:
        raise NotFound("invoice_unknown")
    seller = ports.store.merchant(merchant)
    assert seller is not None, "a merchant is never removed"
    return pdf(ports, seller, numbered(ports, merchant, invoice.customer, invoice.id))


def linked(ports: Ports, merchant: str, reference: str) -> Invoice:
    """Finds the invoice that a link of ours names; `NotFound` for anything else."""
    customer, _, rest = reference.partition("~")
    invoice_id, _, key = rest.partition("~")
    invoice = ports.store.invoice(merchant, customer, invoice_id) if key else None
    if invoice is None or not compare_digest(invoice.download_key.encode(), key.encode()):
        raise NotFound("invoice_unknown")
    return invoice


def _reference(invoice: Invoice) -> str:
    return f"{invoice.customer}~{invoice.id}~{invoice.download_key}"


def credit_note(merchant: Merchant, invoice: Invoice, refund: Refund) -> bytes:
    """Renders the credit note of a refund as a PDF, in the merchant's time zone (M-7)."""
    return invoice_pdf.render_credit_note(refund, invoice, merchant, merchant.settings.time_zone)


def pdf(ports: Ports, merchant: Merchant, invoice: Invoice) -> bytes:
    """Renders the invoice as a PDF, in the merchant's time zone."""
    method = ports.store.payment_method(invoice.merchant, invoice.customer, invoice.payment_method)
    if method is not None and invoice.settled_at is not None:
        method = method.as_of(invoice.settled_at)
    return invoice_pdf.render(invoice, merchant, merchant.settings.time_zone, method)
