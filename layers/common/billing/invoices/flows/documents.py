"""Invoices and credit notes as documents: numbered, issued, rendered once, linked (M-7, B-5, C-3).

A document is issued with its number, in one write: from then on an item of its own holds all that
it shows. Its PDF is made from that item alone and kept in the object store; while that is out of
reach, it is made again.
"""

from __future__ import annotations

from collections.abc import Callable
from hmac import compare_digest
from typing import TypeVar

from billing.branding.flows import dressing
from billing.invoices import issuing
from billing.invoices.flows import files
from billing.kernel import domains
from billing.kernel.errors import Conflict, NotFound
from billing.kernel.invoices import Invoice, InvoiceCounter, InvoiceState
from billing.kernel.issued_documents import DocumentKind, IssuedDocument
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.values import replace
from billing.kernel.writes import Change, Insert
from billing.refunds.refunds import Refund
from billing.render.einvoice import NoEInvoice
from billing.render.messages import known

NUMBERING_ATTEMPTS = 20

Document = TypeVar("Document", Invoice, Refund)


def numbered(ports: Ports, merchant: Merchant, customer: str, invoice: str) -> Invoice:
    """Returns the paid invoice with its number, given now and so issued if it has none."""

    def read() -> Invoice:
        found = ports.store.invoice(merchant.id, customer, invoice)
        assert found is not None, "an event names an invoice that is there"
        return found

    found = read()
    if found.state is not InvoiceState.PAID or found.number is not None:
        return found
    first = InvoiceCounter(merchant.id, found.test)
    return _numbered(ports, first, found, read, invoice_issuer(ports, merchant, found))


def numbered_refund(ports: Ports, merchant: Merchant, invoice: Invoice, refund: str) -> Refund:
    """Returns the refund with its credit note's number, given now and so issued if it has none."""

    def read() -> Refund:
        found = ports.store.refund(invoice.merchant, invoice.customer, refund)
        assert found is not None, "an event names a refund that is there"
        return found

    first = InvoiceCounter(invoice.merchant, invoice.test, credit_notes=True)
    return _numbered(ports, first, read(), read, _credit_note_issuer(ports, merchant, invoice))


def _numbered(
    ports: Ports,
    first: InvoiceCounter,
    document: Document,
    read: Callable[[], Document],
    issue: Callable[[Document], IssuedDocument],
) -> Document:
    """Numbers and issues a document in one write with its counter: no gap and no number twice."""
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
                Change(counter, after) if counter else Insert(after),
                Change(document, given),
                Insert(issue(given)),
            )
        except Conflict:
            document = read()
            continue
        return given
    raise Conflict()


def invoice_issuer(
    ports: Ports, merchant: Merchant, invoice: Invoice
) -> Callable[[Invoice], IssuedDocument]:
    """Returns what makes the invoice's document: its seller, zone and card are as they are now."""
    branding = dressing.branding_of(ports, merchant)
    method = ports.store.payment_method(invoice.merchant, invoice.customer, invoice.payment_method)
    return lambda given: issuing.invoice_document(
        given,
        merchant,
        method,
        language=known(given.language),
        file=ports.new_id("doc"),
        branding=branding,
    )


def _credit_note_issuer(
    ports: Ports, merchant: Merchant, invoice: Invoice
) -> Callable[[Refund], IssuedDocument]:
    """Returns what makes a credit note's document, its seller and zone as they are now."""
    branding = dressing.branding_of(ports, merchant)
    return lambda given: issuing.credit_note_document(
        given,
        invoice,
        merchant,
        language=known(invoice.language),
        file=ports.new_id("doc"),
        branding=branding,
    )


def issued_invoice(ports: Ports, merchant: Merchant, invoice: Invoice) -> IssuedDocument:
    """Returns a numbered invoice as it was issued.

    One that was numbered before documents were issued is issued as it would print now.
    """
    return _issued(
        ports,
        DocumentKind.INVOICE,
        invoice,
        lambda: invoice_issuer(ports, merchant, invoice)(invoice),
    )


def issued_credit_note(
    ports: Ports, merchant: Merchant, invoice: Invoice, refund: Refund
) -> IssuedDocument:
    """Returns the credit note of a numbered refund as it was issued, or issues it as it would print
    now."""
    return _issued(
        ports,
        DocumentKind.CREDIT_NOTE,
        refund,
        lambda: _credit_note_issuer(ports, merchant, invoice)(refund),
    )


def _issued(
    ports: Ports,
    kind: DocumentKind,
    of: Invoice | Refund,
    issue: Callable[[], IssuedDocument],
) -> IssuedDocument:
    def read() -> IssuedDocument | None:
        return ports.store.issued_document(of.merchant, of.customer, kind, of.id)

    found = read()
    if found is not None:
        return found
    issued = issue()
    try:
        ports.store.commit(Insert(issued))
    except Conflict:
        found = read()
        assert found is not None, "another reader was first, and nothing removes a document"
        return found
    return issued


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
    return pdf(ports, *_downloadable(ports, merchant, reference))


def download_xml(ports: Ports, merchant: str, reference: str) -> bytes | NoEInvoice:
    """Returns the e-invoice of the invoice that a link names, as `download` does (M-13)."""
    return xml(ports, *_downloadable(ports, merchant, reference))


def _downloadable(ports: Ports, merchant: str, reference: str) -> tuple[Merchant, Invoice]:
    invoice = linked(ports, merchant, reference)
    if invoice.state is not InvoiceState.PAID:
        raise NotFound("invoice_unknown")
    seller = ports.store.merchant(merchant)
    assert seller is not None, "a merchant is never removed"
    return seller, numbered(ports, seller, invoice.customer, invoice.id)


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


def credit_note(ports: Ports, merchant: Merchant, invoice: Invoice, refund: Refund) -> bytes:
    """Returns the credit note of a refund as a PDF (M-7)."""
    return files.pdf(ports, issued_credit_note(ports, merchant, invoice, refund))


def pdf(ports: Ports, merchant: Merchant, invoice: Invoice) -> bytes:
    """Returns a paid invoice as a PDF (B-5)."""
    return files.pdf(ports, issued_invoice(ports, merchant, invoice))


def xml(ports: Ports, merchant: Merchant, invoice: Invoice) -> bytes | NoEInvoice:
    """Returns a paid invoice as an e-invoice, or why it has none (M-13)."""
    return files.xml(ports, issued_invoice(ports, merchant, invoice))
