"""Issued documents of a German seller, of each kind that there is, to make e-invoices of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from billing.invoices import issuing
from billing.kernel.customers import Address, BillTo
from billing.kernel.identities import Identity, TaxId
from billing.kernel.invoices import Invoice, InvoiceLine, LineKind
from billing.kernel.issued_documents import IssuedDocument
from billing.kernel.merchants import Merchant, Settings
from billing.kernel.money import Currency, Money
from billing.kernel.subscription import Source
from billing.kernel.taxes import Taxable, Taxation, TaxRate, returned, taxed
from billing.kernel.values import replace
from billing.refunds.refunds import Refund
from tests.render.samples import INVOICE, MERCHANT, NOW
from tests.render.test_invoice_pdf import CARD

GERMAN = TaxId("DE", "DE136695976")
BERLIN = Address("Unter den Linden 1", "Berlin", "DE", postal_code="10117")
IDENTITY = Identity(
    legal_name="Sonnenstudio Yoga GmbH",
    tax_ids=(GERMAN,),
    invoice_note="Amtsgericht Berlin HRB 12345 · Geschäftsführerin Erika Muster",
    untaxed_reason="",
    e_invoices=True,
)
SELLER = replace(
    MERCHANT,
    name="Sonnenstudio",
    address=BERLIN,
    settings=Settings(time_zone="Europe/Berlin"),
    identity=IDENTITY,
)

GERMANY = Taxation((TaxRate("DE", "VAT", 190_000),))
HUNGARY = Taxation((TaxRate("HU", "VAT", 270_000),))
REVERSE = Taxation(reverse_charge=TaxRate("FR", "VAT", 0))
STACKED = Taxation((TaxRate("US-CA", "California", 60_000), TaxRate("US-CA", "City", 22_500)))

CONSUMER = BillTo("Ada Lovelace", "ada@example.com", BERLIN)
HUNGARIAN = BillTo(
    "Ödön", "o@example.com", Address("Andrássy út 1", "Budapest", "HU", None, "1061")
)
BUSINESS = BillTo(
    "Éditions Dupont & Fils SARL <Paris>",
    "compta@dupont.example",
    Address("1 rue de Rivoli", "Paris", "FR", "Bâtiment B", "75001"),
    "FR40303265045",
    True,
)
GERMAN_BUSINESS = BillTo("Muster AG", "ap@muster.example", BERLIN, "DE811569869", True)
AMERICAN = BillTo(
    "Bob", "bob@example.com", Address("1 Spring Street", "Los Angeles", "US", None, "90012", "CA")
)
SWISS_BUSINESS = BillTo(
    "Alpen AG",
    "alpen@example.com",
    Address("Bahnhofstrasse 1", "Zürich", "CH", None, "8001"),
    "CHE107787577IVA",
    True,
)


def line(minor: int, kind: str = LineKind.CHARGE, *, coupon: str | None = None) -> InvoiceLine:
    text = "Morning Yoga Membership" if coupon is None else f"Discount {coupon}"
    return InvoiceLine(kind, text, Money(minor, Currency.EUR), coupon=coupon)


def sold(
    lines: Sequence[Taxable],
    buyer: BillTo = CONSUMER,
    *,
    days: int | None = 28,
    currency: Currency = Currency.EUR,
) -> Invoice:
    """Returns a paid invoice of these lines."""
    made, total = taxed(
        [
            replace(
                each, line=replace(each.line, amount=replace(each.line.amount, currency=currency))
            )
            for each in lines
        ]
    )
    return replace(
        INVOICE,
        number="INV-000042",
        lines=made,
        total=total,
        bill_to=buyer,
        settled_at=NOW,
        scheduled_at=NOW,
        days=days,
    )


def issued(invoice: Invoice, seller: Merchant = SELLER) -> IssuedDocument:
    return issuing.invoice_document(invoice, seller, CARD, language="en", file="doc_1")


def refunded(
    invoice: Invoice, amount: int, before: Invoice | None = None
) -> tuple[Refund, Invoice]:
    """Returns a refund of an invoice, and the invoice after it."""
    was = before or invoice
    left = was.total.amount_minor - was.refund_reserved_minor
    taxes = returned(was.taxes_left, amount, left)
    refund = Refund(
        id="ref_1",
        merchant=invoice.merchant,
        customer=invoice.customer,
        invoice=invoice.id,
        paid_order=invoice.order_id,
        gateway="sandbox",
        gateway_account="sandbox",
        gateway_ref="pi_1",
        source=Source.MERCHANT,
        shard=0,
        due_at=None,
        amount=replace(invoice.total, amount_minor=amount),
        order_id="Z7M2Q-9XTRV-4H3PD",
        requested_at=datetime(2026, 2, 3, tzinfo=UTC),
        number="CN-000007",
        taxes=taxes,
    )
    return refund, was.reserving(amount, taxes)


def credited(invoice: Invoice, refund: Refund, seller: Merchant = SELLER) -> IssuedDocument:
    return issuing.credit_note_document(refund, invoice, seller, language="en", file="doc_2")
