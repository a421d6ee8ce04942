"""Documents in a branding that is not saved: never numbered or kept as such (M-11)."""

from __future__ import annotations

from datetime import datetime

from billing.branding import looks
from billing.invoices import issuing
from billing.invoices.flows import documents, files
from billing.kernel.branding import Branding
from billing.kernel.customers import Address, BillTo
from billing.kernel.errors import NotFound
from billing.kernel.invoices import InvoiceLine, InvoiceState, LineKind
from billing.kernel.issued_documents import DocumentKind, IssuedDocument, PaidWith
from billing.kernel.merchants import Merchant
from billing.kernel.money import Money
from billing.kernel.orders import typed_order_id
from billing.kernel.ports import Ports
from billing.kernel.values import replace
from billing.render import invoice_pdf
from billing.render.messages import known

SAMPLE = "000000"
SAMPLE_MINOR = 2900


def in_branding(ports: Ports, merchant: Merchant, order_id: str, branding: Branding) -> bytes:
    """Returns the invoice of one of the merchant's own payments in a branding.

    Raises `NotFound` for what is no Order ID of a payment of theirs.
    """
    number = typed_order_id(order_id)
    order = None if number is None else ports.store.order_by_id(merchant.id, number)
    if order is None or order.customer is None or order.invoice is None:
        raise NotFound("invoice_unknown")
    invoice = documents.numbered(ports, merchant, order.customer, order.invoice)
    if invoice.state is not InvoiceState.PAID:
        raise NotFound("invoice_unknown")
    return _rendered(ports, documents.issued_invoice(ports, merchant, invoice), branding)


def sample(
    ports: Ports, merchant: Merchant, branding: Branding, product: str, now: datetime
) -> bytes:
    """Returns an invoice with sample data, marked as a test."""
    price = Money(SAMPLE_MINOR, merchant.settings.currency)
    document = IssuedDocument(
        id=SAMPLE,
        merchant=merchant.id,
        customer=SAMPLE,
        kind=DocumentKind.INVOICE,
        number=SAMPLE,
        order_id="K7M2Q-9XTRV-4H3PD",
        issued_at=now,
        time_zone=merchant.settings.time_zone,
        language=known(merchant.settings.language),
        seller=issuing.seller(merchant),
        buyer=BillTo(
            "Alex Example",
            "alex@example.com",
            Address("1 Main Street", "Springfield", "US", None, "62701", "IL"),
        ),
        total=price,
        file=SAMPLE,
        lines=(InvoiceLine(LineKind.CHARGE, product, price),),
        paid_with=PaidWith("visa", "4242"),
        test=True,
    )
    return _rendered(ports, document, branding)


def _rendered(ports: Ports, document: IssuedDocument, branding: Branding) -> bytes:
    shown = replace(document, accent=branding.accent, logo=branding.logo)
    logo = None
    if branding.logo is not None:
        key = looks.logo_key(document.merchant, branding.logo.digest)
        found = ports.objects.get(key, at_most=files.FILE_MOST_BYTES)
        logo = None if found is None else found.content
    return invoice_pdf.render(shown, None, logo)
