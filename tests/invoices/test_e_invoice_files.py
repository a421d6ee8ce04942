"""E-invoices as they are issued, kept and downloaded (M-13)."""

from __future__ import annotations

from base64 import b64decode
from decimal import Decimal
from io import BytesIO

import pytest
from pypdf import PdfReader

from billing.invoices.flows import documents
from billing.kernel.identities import TaxId
from billing.kernel.money import Currency, Money
from billing.kernel.values import replace
from billing.kernel.writes import Change
from tests.invoices.issuing_samples import BERLIN, IDENTITY
from tests.invoices.official_rules import broken
from tests.invoices.test_einvoices import said, sums
from tests.plans.changing import bought, change
from tests.portal import visitors
from tests.tax.taxing import BUDAPEST, OSS, collecting
from tests.web.shop import Shop
from tests.world import MONTHLY

pytestmark = [pytest.mark.spec("M-13"), pytest.mark.typeset]

GOLD = replace(MONTHLY, price=Money(5998, Currency.USD))
BUSINESS = {"name": "Kft.", "address": BUDAPEST, "tax_id": "HU12892312"}


@pytest.fixture
def shop() -> Shop:
    """A seller in Germany who collects VAT in the EU and turned e-invoices on."""
    shop = Shop()
    collecting(shop.world, OSS)
    shop.world.change_merchant(address=BERLIN, identity=IDENTITY)
    return shop


def xml_of(shop: Shop, document: str) -> bytes:
    answer = shop.api.get(f"/v1/invoices/{document}/xml")
    assert answer.status == 200, answer.json
    return b64decode(answer.body)


def attached(pdf: bytes) -> dict[str, list[bytes]]:
    return PdfReader(BytesIO(pdf)).attachments


def pdf_of(shop: Shop, document: str) -> bytes:
    return b64decode(shop.api.get(f"/v1/invoices/{document}/pdf").body)


def refunded(shop: Shop, order: str, amount: int) -> str:
    answer = shop.api.post(f"/v1/orders/{order}/refund", {"amount": amount})
    assert answer.status == 201, answer.json
    shop.world.work()
    return str(answer.json["id"])


def test_an_invoice_and_its_credit_note_are_downloaded_as_xml(shop: Shop) -> None:
    bought = shop.world.buy(address=BERLIN)
    note = refunded(shop, bought.invoice.order_id, 1000)
    for document, name, kind in (
        (bought.invoice.id, "TEST-000001", "380"),
        (note, "TEST-CN-000001", "381"),
    ):
        answer = shop.api.get(f"/v1/invoices/{document}/xml")
        assert answer.headers["content-disposition"] == f'attachment; filename="{name}.xml"'
        assert answer.headers["content-type"] == "application/xml"
        xml = xml_of(shop, document)
        assert broken(xml) == []
        assert said(xml, "rsm:ExchangedDocument/ram:TypeCode") == [kind]
        assert shop.other.get(f"/v1/invoices/{document}/xml").status == 404
        assert shop.stranger.get(f"/v1/invoices/{document}/xml").status == 401


def test_every_life_of_a_subscription_has_e_invoices_that_add_up(shop: Shop) -> None:
    """Bought, renewed, upgraded in the middle, refunded in parts: each by the official rules."""
    world = shop.world
    bought = world.buy(world.product(MONTHLY), address=BERLIN)
    world.advance(days=31)
    invoices = world.history().invoices
    refunded(shop, bought.invoice.order_id, 1234)
    rest = bought.invoice.total.amount_minor - 1234
    notes = [refunded(shop, bought.invoice.order_id, rest)]
    assert len(invoices) == 2
    for document in (*(each.id for each in invoices), *notes):
        assert broken(xml_of(shop, document)) == []
    renewal = xml_of(shop, invoices[1].id)
    (first,) = said(renewal, "ram:BillingSpecifiedPeriod/ram:StartDateTime/udt:DateTimeString")[:1]
    (last,) = said(xml_of(shop, invoices[0].id), "ram:EndDateTime/udt:DateTimeString")[:1]
    assert first is not None and last is not None and last < first


def test_the_pdf_of_a_business_carries_the_very_xml_that_is_downloaded(shop: Shop) -> None:
    bought = shop.world.buy(**BUSINESS)
    note = refunded(shop, bought.invoice.order_id, 1000)
    for document in (bought.invoice.id, note):
        assert attached(pdf_of(shop, document)) == {"factur-x.xml": [xml_of(shop, document)]}


def test_the_pdf_of_a_consumer_carries_none(shop: Shop) -> None:
    bought = shop.world.buy(address=BUDAPEST)
    assert attached(pdf_of(shop, bought.invoice.id)) == {}


def test_nor_does_one_where_the_merchant_has_not_turned_it_on(shop: Shop) -> None:
    shop.world.change_merchant(identity=replace(IDENTITY, e_invoices=False))
    bought = shop.world.buy(**BUSINESS)
    assert attached(pdf_of(shop, bought.invoice.id)) == {}
    assert broken(xml_of(shop, bought.invoice.id)) == []


def test_what_was_issued_stays_whatever_the_seller_changes(shop: Shop) -> None:
    bought = shop.world.buy(**BUSINESS)
    shop.world.work()
    before = (pdf_of(shop, bought.invoice.id), xml_of(shop, bought.invoice.id))
    other = replace(IDENTITY, legal_name="Other AG", tax_ids=(TaxId("FR", "FR40303265045"),))
    shop.world.change_merchant(identity=other, address=BUDAPEST, name="Other")
    assert (pdf_of(shop, bought.invoice.id), xml_of(shop, bought.invoice.id)) == before
    shop.world.objects._objects.clear()
    assert (pdf_of(shop, bought.invoice.id), xml_of(shop, bought.invoice.id)) == before


def test_it_is_kept_once_beside_its_pdf(shop: Shop) -> None:
    bought = shop.world.buy(**BUSINESS)
    shop.world.work()
    (document,) = shop.world.history().documents
    folder = f"documents/acme/{document.customer}/{document.file}"
    assert sorted(shop.world.objects._objects) == [f"{folder}.pdf", f"{folder}.xml"]
    kept = shop.world.objects._objects[f"{folder}.xml"]
    assert (kept.content, kept.content_type) == (
        xml_of(shop, bought.invoice.id),
        "application/xml",
    )


def test_a_document_of_before_is_served_and_its_xml_refused_in_words(shop: Shop) -> None:
    shop.world.change_merchant(identity=None)
    bought = shop.world.buy(**BUSINESS)
    shop.world.work()
    shop.world.change_merchant(identity=IDENTITY)
    assert attached(pdf_of(shop, bought.invoice.id)) == {}
    answer = shop.api.get(f"/v1/invoices/{bought.invoice.id}/xml")
    assert (answer.status, answer.json["code"]) == (409, "no_e_invoice")
    assert answer.json["reason"] == "e_invoice_without_vat_id"
    assert "without a VAT ID" in answer.json["detail"]


def test_an_invoice_that_is_not_paid_has_no_xml(shop: Shop) -> None:
    for unknown in ("sub_unknown.0001", "x", "K7M2Q-9XTRV-4H3P4", "-"):
        assert shop.api.get(f"/v1/invoices/{unknown}/xml").status == 404


@pytest.mark.spec("A-4", "C-10", "M-7")
@pytest.mark.parametrize("amount", [1, 1000, None])
def test_a_change_of_plan_by_who_moved_is_credited_with_the_taxes_of_both(
    shop: Shop, amount: int | None
) -> None:
    """Its unused time takes off other taxes than are due now: a line of tax is negative."""
    world = shop.world
    product = bought(world, MONTHLY, GOLD, address=BERLIN)
    subscription = world.subscription()
    (kept,) = world.store.bill_tos([("acme", subscription.customer, subscription.id)])
    assert kept is not None
    moved = replace(kept, bill_to=replace(kept.bill_to, address=BUDAPEST))
    world.store.commit(Change(kept, moved))
    change(world, product.price_points[1])
    world.work()
    invoice = world.history().invoices[-1]
    note = refunded(shop, invoice.order_id, amount or invoice.total.amount_minor)
    for document in (invoice.id, note):
        assert broken(xml_of(shop, document)) == []
    assert sums(xml_of(shop, invoice.id))["GrandTotalAmount"] == Decimal("20.24")


@pytest.fixture
def portal() -> visitors.Shop:
    shop = visitors.Shop()
    collecting(shop.world, OSS)
    shop.world.change_merchant(address=BERLIN, identity=IDENTITY)
    return shop


@pytest.mark.spec("B-5")
def test_a_customer_downloads_it_beside_the_pdf(portal: visitors.Shop) -> None:
    portal.world.buy(address=BUDAPEST)
    visitor = portal.signed_in()
    (invoice,) = portal.world.history().invoices
    assert f"/invoices/{invoice.id}/invoice.xml" in visitor.browse("GET", visitor.base).body
    answer = visitor.browse("GET", f"{visitor.base}/invoices/{invoice.id}/invoice.xml")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/xml")
    link = documents.link(portal.world.ports, portal.world.merchant, invoice)
    reference = link.split("/")[-2]
    stranger = portal.visitor()
    linked = stranger.browse("GET", f"{visitor.base}/invoices/{reference}/invoice.xml")
    assert (linked.status, linked.body) == (200, answer.body)
    forged = f"{visitor.base}/invoices/{reference}x/invoice.xml"
    assert stranger.browse("GET", forged).status == 404


@pytest.mark.spec("B-5")
def test_where_there_is_none_no_page_links_one_and_it_is_refused_in_words(
    portal: visitors.Shop,
) -> None:
    portal.world.change_merchant(identity=None)
    portal.world.buy(address=BUDAPEST)
    visitor = portal.signed_in()
    (invoice,) = portal.world.history().invoices
    assert "invoice.xml" not in visitor.browse("GET", visitor.base).body
    answer = visitor.browse("GET", f"{visitor.base}/invoices/{invoice.id}/invoice.xml")
    assert answer.status == 409
    assert "There is no e-invoice for this payment" in answer.body
