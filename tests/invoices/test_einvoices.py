"""E-invoices of every kind keep the official rules, to the cent (M-13)."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from billing.customers.web.list_routes import no_e_invoice
from billing.kernel.identities import TaxId
from billing.kernel.invoices import Invoice, LineKind
from billing.kernel.issued_documents import IssuedDocument
from billing.kernel.merchants import Merchant
from billing.kernel.money import Currency
from billing.kernel.taxes import UNTAXED, Taxable
from billing.kernel.values import replace
from billing.refunds.refunds import Refund
from billing.render import cii
from billing.render.einvoice import EInvoice, NoEInvoice, einvoice_of
from billing.render.messages import LANGUAGES
from tests.depth import examples
from tests.invoices.issuing_samples import (
    AMERICAN,
    BUSINESS,
    GERMAN_BUSINESS,
    GERMANY,
    HUNGARIAN,
    HUNGARY,
    IDENTITY,
    REVERSE,
    SELLER,
    STACKED,
    SWISS_BUSINESS,
    credited,
    issued,
    line,
    refunded,
    sold,
)
from tests.invoices.official_rules import (
    NAMESPACES,
    broken,
    broken_by_a_cent,
    broken_by_schematron,
)

pytestmark = pytest.mark.spec("M-13")

EXEMPT = replace(
    SELLER,
    identity=replace(IDENTITY, untaxed_reason="Kein Ausweis von Umsatzsteuer, § 19 UStG"),
)

ONE_TIME = sold([Taxable(line(9900), GERMANY)], days=None)
MONTHLY = sold([Taxable(line(2999), GERMANY)], GERMAN_BUSINESS)
INCLUSIVE = sold([Taxable(line(2999), GERMANY, inclusive=True)])
ABROAD = sold([Taxable(line(2999), HUNGARY)], HUNGARIAN)
REVERSED = sold([Taxable(line(2999), REVERSE)], BUSINESS)
OUTSIDE = sold([Taxable(line(2999), UNTAXED)], AMERICAN)
OUTSIDE_BUSINESS = sold([Taxable(line(2999), UNTAXED)], SWISS_BUSINESS)
DISCOUNTED = sold([Taxable(line(2999), GERMANY), Taxable(line(-600, coupon="SAVE20"), GERMANY)])
INCLUSIVE_DISCOUNTED = sold(
    [
        Taxable(line(2999), GERMANY, inclusive=True),
        Taxable(line(-333, coupon="SAVE"), GERMANY, inclusive=True),
    ]
)
FREE = sold([Taxable(line(2999), GERMANY), Taxable(line(-2999, coupon="ALL"), GERMANY)])
TRIAL = sold([Taxable(line(0), GERMANY)])
CHANGED = sold(
    [
        Taxable(line(5998, LineKind.REST), GERMANY),
        Taxable(line(-1499, LineKind.UNUSED), GERMANY),
    ]
)
MOVED = sold(
    [
        Taxable(line(5998, LineKind.REST), HUNGARY),
        Taxable(line(-1499, LineKind.UNUSED), GERMANY),
        Taxable(line(-500, LineKind.CREDIT), UNTAXED),
    ],
    HUNGARIAN,
)
NOTHING_NET = sold(
    [
        Taxable(line(10_000), HUNGARY),
        Taxable(line(-10_000, LineKind.CREDIT), GERMANY),
    ],
    HUNGARIAN,
)
OWED = sold([Taxable(line(2999), GERMANY), Taxable(line(450, LineKind.OWED), GERMANY)])
KRONER = sold([Taxable(line(19_900), GERMANY)], currency=Currency.DKK)
RUPEES = sold([Taxable(line(1), GERMANY)], currency=Currency.INR)
LARGE = sold([Taxable(line(99_999_999), GERMANY)])

INVOICES: dict[str, IssuedDocument] = {
    "one-time": issued(ONE_TIME),
    "recurring, business": issued(MONTHLY),
    "inclusive": issued(INCLUSIVE),
    "rate of the buyer's country": issued(ABROAD),
    "reverse charge": issued(REVERSED),
    "outside the scope": issued(OUTSIDE),
    "outside the scope, business": issued(OUTSIDE_BUSINESS),
    "exempt seller": issued(sold([Taxable(line(2999), UNTAXED)]), EXEMPT),
    "discount": issued(DISCOUNTED),
    "discount, inclusive": issued(INCLUSIVE_DISCOUNTED),
    "discount of all": issued(FREE),
    "trial of nothing": issued(TRIAL),
    "change of plan": issued(CHANGED),
    "change of plan, taxed otherwise before": issued(MOVED),
    "credit for all but the tax": issued(NOTHING_NET),
    "carried over": issued(OWED),
    "other currency": issued(KRONER),
    "one hundredth": issued(RUPEES),
    "largest amount": issued(LARGE),
    "test": issued(replace(MONTHLY, test=True)),
    "no card": replace(issued(MONTHLY), paid_with=None),
}


def note_of(invoice: Invoice, amount: int | None = None) -> IssuedDocument:
    refund, _ = refunded(invoice, amount or invoice.total.amount_minor)
    return credited(invoice, refund)


def the_rest_of(invoice: Invoice, first: int) -> IssuedDocument:
    """Returns the credit note of what is left after a first refund."""
    _, after = refunded(invoice, first)
    refund, _ = refunded(invoice, invoice.total.amount_minor - first, after)
    return credited(invoice, refund)


CREDIT_NOTES: dict[str, IssuedDocument] = {
    "whole": note_of(MONTHLY),
    "part": note_of(MONTHLY, 1000),
    "rest": the_rest_of(MONTHLY, 1001),
    "one hundredth": note_of(MONTHLY, 1),
    "inclusive, part": note_of(INCLUSIVE, 777),
    "reverse charge, part": note_of(REVERSED, 500),
    "outside the scope": note_of(OUTSIDE),
    "change of plan, taxed otherwise before": note_of(MOVED),
    "a third of it": note_of(MOVED, MOVED.total.amount_minor // 3),
    "discount": note_of(DISCOUNTED, 999),
    "credit for all but the tax": note_of(NOTHING_NET),
    "credit for all but the tax, half": note_of(NOTHING_NET, 400),
}


def xml_of(document: IssuedDocument) -> bytes:
    found = einvoice_of(document)
    assert isinstance(found, EInvoice), found
    return cii.written(found)


def said(xml: bytes, path: str) -> list[str | None]:
    return [each.text for each in etree.fromstring(xml).iterfind(f".//{path}", NAMESPACES)]


def sums(xml: bytes) -> dict[str, Decimal]:
    (found,) = etree.fromstring(xml).iterfind(
        ".//ram:SpecifiedTradeSettlementHeaderMonetarySummation", NAMESPACES
    )
    return {etree.QName(each).localname: Decimal(str(each.text)) for each in found}


@pytest.mark.parametrize("document", INVOICES.values(), ids=INVOICES)
def test_an_invoice_keeps_the_official_rules(document: IssuedDocument) -> None:
    xml = xml_of(document)
    assert broken(xml) == []
    assert said(xml, "rsm:ExchangedDocument/ram:TypeCode") == ["380"]
    total = Decimal(document.total.amount_minor) / 100
    assert (sums(xml)["GrandTotalAmount"], sums(xml)["TotalPrepaidAmount"]) == (total, total)
    assert sums(xml)["DuePayableAmount"] == 0


@pytest.mark.parametrize("document", CREDIT_NOTES.values(), ids=CREDIT_NOTES)
def test_a_credit_note_keeps_the_official_rules_and_names_its_invoice(
    document: IssuedDocument,
) -> None:
    xml = xml_of(document)
    assert broken(xml) == []
    assert said(xml, "rsm:ExchangedDocument/ram:TypeCode") == ["381"]
    assert said(xml, "ram:InvoiceReferencedDocument/ram:IssuerAssignedID") == ["INV-000042"]
    assert said(xml, "ram:FormattedIssueDateTime/qdt:DateTimeString") == ["20260131"]
    assert sums(xml)["GrandTotalAmount"] == Decimal(document.total.amount_minor) / 100


RATES = [GERMANY, HUNGARY, UNTAXED]
MINOR = st.integers(1, 99_999)
HARDLY_MORE = sold(
    [
        Taxable(line(10_000), HUNGARY),
        Taxable(line(-9_900, LineKind.CREDIT), GERMANY),
    ],
    HUNGARIAN,
)


@st.composite
def invoices(draw: st.DrawFn) -> Invoice:
    """Draws a payment with what is taken off it, each with the taxes of its own time."""
    now, inclusive = draw(st.sampled_from(RATES)), draw(st.booleans())
    price = draw(st.integers(400_000, 999_999))
    taken_off = draw(st.lists(st.tuples(MINOR, st.sampled_from(RATES), st.booleans()), max_size=3))
    return sold(
        [
            Taxable(line(price), now, inclusive),
            *(
                Taxable(line(-minor, coupon="SAVE"), now, inclusive)
                if discount
                else Taxable(line(-minor, LineKind.CREDIT), taxation)
                for minor, taxation, discount in taken_off
            ),
        ],
        HUNGARIAN,
    )


@settings(max_examples=examples(60))
@given(invoices(), st.lists(st.integers(1, 300_000) | st.integers(1, 9), max_size=4))
def test_whatever_is_sold_and_goes_back_adds_up_to_the_cent(
    invoice: Invoice, parts: list[int]
) -> None:
    assert broken_by_a_cent(xml_of(issued(invoice, EXEMPT))) == []
    after, left = invoice, invoice.total.amount_minor
    for part in [*parts, 99_999_999]:
        amount = min(part, left)
        if amount:
            refund, after = refunded(invoice, amount, after)
            assert broken_by_a_cent(xml_of(credited(invoice, refund, EXEMPT))) == []
            left -= amount
    assert left == 0


@pytest.mark.parametrize("amount", range(1, 30))
def test_a_cent_that_goes_back_of_two_large_taxes_adds_up(amount: int) -> None:
    """Of a hundredth each tax is more than the whole, and what they are on rounds to nothing."""
    refund, _ = refunded(HARDLY_MORE, amount)
    xml = xml_of(credited(HARDLY_MORE, refund))
    assert broken(xml) == []
    assert sums(xml)["GrandTotalAmount"] == Decimal(amount) / 100


# That the checks can fail


def paying(xml: bytes, name: str, more: str) -> bytes:
    """Returns an e-invoice with another amount in one of its sums."""
    right = f"<ram:{name}>{sums(xml)[name]}</ram:{name}>"
    assert right.encode() in xml
    wrong = f"<ram:{name}>{sums(xml)[name] + Decimal(more)}</ram:{name}>"
    return xml.replace(right.encode(), wrong.encode())


def test_a_total_that_is_off_by_one_breaks_a_rule() -> None:
    wrong = paying(xml_of(issued(MONTHLY)), "GrandTotalAmount", "1.00")
    assert any("[BR-CO-15]" in rule for rule in broken_by_schematron(wrong))


@pytest.mark.parametrize("name", ["LineTotalAmount", "TaxBasisTotalAmount", "GrandTotalAmount"])
def test_a_sum_that_is_off_by_a_cent_is_seen(name: str) -> None:
    assert broken_by_a_cent(paying(xml_of(issued(MONTHLY)), name, "0.01")) != []


def test_a_tax_that_is_off_by_two_cents_is_seen_where_the_official_rule_sees_nothing() -> None:
    xml = xml_of(issued(MONTHLY))
    right, wrong = (f"{569.81 / 100 + more:.2f}".encode() for more in (0, 0.02))
    off = xml.replace(b"<ram:CalculatedAmount>" + right, b"<ram:CalculatedAmount>" + wrong)
    assert off != xml
    assert not any("[BR-CO-17]" in rule for rule in broken_by_schematron(off))
    assert {"taxes", "rates"} <= set(broken_by_a_cent(off))


def test_an_invoice_whose_total_is_off_by_a_cent_is_never_written() -> None:
    document = issued(MONTHLY)
    total = replace(document.total, amount_minor=document.total.amount_minor + 1)
    with pytest.raises(AssertionError, match="to the cent"):
        einvoice_of(replace(document, total=total))


# What it says


def test_it_says_the_same_in_the_same_bytes() -> None:
    assert xml_of(issued(MONTHLY)) == xml_of(issued(MONTHLY))


def test_it_names_seller_and_buyer_with_their_vat_ids() -> None:
    xml = xml_of(issued(REVERSED))
    assert said(xml, "ram:SellerTradeParty/ram:Name") == ["Sonnenstudio Yoga GmbH"]
    assert said(xml, "ram:TradingBusinessName") == ["Sonnenstudio"]
    assert said(xml, "ram:SpecifiedTaxRegistration/ram:ID") == ["DE136695976", "FR40303265045"]
    assert said(xml, "ram:BuyerTradeParty/ram:Name") == ["Éditions Dupont & Fils SARL <Paris>"]


def test_reverse_charge_is_said_in_words() -> None:
    xml = xml_of(issued(REVERSED))
    (reason,) = said(xml, "ram:ExemptionReason")
    assert reason is not None and reason.startswith("Reverse charge")
    assert said(xml, "ram:ApplicableTradeTax/ram:CategoryCode") == ["AE", "AE"]


def test_a_line_has_its_quantity_price_and_period() -> None:
    xml = xml_of(issued(MONTHLY))
    assert said(xml, "ram:BilledQuantity") == ["1"]
    assert said(xml, "ram:NetPriceProductTradePrice/ram:ChargeAmount") == ["29.99"]
    lines = "ram:IncludedSupplyChainTradeLineItem//ram:BillingSpecifiedPeriod"
    assert said(xml, f"{lines}/ram:StartDateTime/udt:DateTimeString") == ["20260131"]
    assert said(xml, f"{lines}/ram:EndDateTime/udt:DateTimeString") == ["20260227"]


def test_unused_time_is_a_negative_quantity_and_a_coupon_an_allowance() -> None:
    assert said(xml_of(issued(CHANGED)), "ram:BilledQuantity") == ["1", "-1"]
    discounted = xml_of(issued(DISCOUNTED))
    assert said(discounted, "ram:SpecifiedTradeAllowanceCharge/ram:ActualAmount") == ["6.00"]
    assert said(discounted, "ram:SpecifiedTradeAllowanceCharge/ram:Reason") == [
        "Discount with coupon SAVE20"
    ]


def test_each_rate_has_its_own_sum() -> None:
    xml = xml_of(issued(MOVED))
    settlement = "ram:ApplicableHeaderTradeSettlement/ram:ApplicableTradeTax"
    found = zip(
        *(
            said(xml, f"{settlement}/ram:{name}")
            for name in ("CategoryCode", "RateApplicablePercent", "BasisAmount", "CalculatedAmount")
        ),
        strict=True,
    )
    assert list(found) == [
        ("S", "27", "59.98", "16.19"),
        ("S", "19", "-14.99", "-2.85"),
        ("E", "0", "-5.00", "0.00"),
    ]


def test_characters_that_xml_cannot_have_are_left_out() -> None:
    odd = replace(MONTHLY, bill_to=replace(GERMAN_BUSINESS, name="A\x0bG \ud800 & Co"))
    assert said(xml_of(issued(odd)), "ram:BuyerTradeParty/ram:Name") == ["AG  & Co"]


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_it_keeps_the_rules_in_every_language(language: str) -> None:
    for document in (issued(REVERSED), issued(OUTSIDE), issued(MOVED), note_of(MONTHLY)):
        assert broken(xml_of(replace(document, language=language))) == []


def test_a_buyer_without_a_name_is_named_by_email() -> None:
    nameless = replace(MONTHLY, bill_to=replace(GERMAN_BUSINESS, name=""))
    xml = xml_of(issued(nameless))
    assert broken(xml) == []
    assert said(xml, "ram:BuyerTradeParty/ram:Name") == ["ap@muster.example"]


# Where there is none


def test_a_seller_without_a_vat_id_has_none() -> None:
    none = replace(SELLER, identity=replace(IDENTITY, tax_ids=()))
    american = TaxId("US", "12-3456789")
    other = replace(SELLER, identity=replace(IDENTITY, tax_ids=(american,)))
    assert einvoice_of(issued(MONTHLY, none)) is NoEInvoice.NO_VAT_ID
    assert einvoice_of(issued(MONTHLY, other)) is NoEInvoice.NO_VAT_ID


def test_a_seller_without_an_address_has_none() -> None:
    assert einvoice_of(issued(MONTHLY, replace(SELLER, address=None))) is NoEInvoice.NO_ADDRESS


def test_sales_tax_of_several_rates_has_none() -> None:
    stacked = sold([Taxable(line(2999), STACKED)], AMERICAN)
    assert einvoice_of(issued(stacked)) is NoEInvoice.SALES_TAX
    assert einvoice_of(note_of(stacked)) is NoEInvoice.SALES_TAX


def tax_of(invoice: Invoice) -> Refund:
    """Returns a refund of the tax of an invoice alone."""
    refund, _ = refunded(invoice, 1)
    taxes = invoice.taxes_left
    return replace(
        refund, taxes=taxes, amount=replace(invoice.total, amount_minor=sum(taxes)), took=None
    )


@pytest.mark.parametrize("invoice", [MONTHLY, ABROAD, DISCOUNTED, MOVED, CHANGED])
@pytest.mark.parametrize("seller", [SELLER, EXEMPT])
def test_a_credit_note_of_tax_alone_has_none(invoice: Invoice, seller: Merchant) -> None:
    """For an exempt seller it would say that the buyer owes none for the seller's reason."""
    note = credited(invoice, tax_of(invoice), seller)
    assert einvoice_of(note) is NoEInvoice.TAX_ALONE
    assert no_e_invoice(NoEInvoice.TAX_ALONE).reason == "e_invoice_of_tax_alone"


def test_what_is_untaxed_at_home_for_no_known_reason_has_none() -> None:
    assert einvoice_of(issued(sold([Taxable(line(2999), UNTAXED)]))) is NoEInvoice.UNTAXED
    french = replace(BUSINESS, tax_id=None)
    within = sold([Taxable(line(2999), UNTAXED)], french)
    assert einvoice_of(issued(within)) is NoEInvoice.UNTAXED


def test_a_document_of_before_lines_said_their_rates_has_none() -> None:
    old = issued(MONTHLY)
    bare = tuple(replace(each, tax=None) for each in old.lines)
    assert einvoice_of(replace(old, lines=bare)) is NoEInvoice.SALES_TAX


def test_the_seller_is_named_with_the_id_of_the_country_whose_tax_it_is() -> None:
    swiss = TaxId("CH", "CHE107787577IVA")
    french = TaxId("FR", "FR40303265045")
    ids = replace(IDENTITY, tax_ids=(swiss, french, *IDENTITY.tax_ids))
    seller = replace(SELLER, identity=ids)
    chosen = "ram:SellerTradeParty/ram:SpecifiedTaxRegistration/ram:ID"
    assert said(xml_of(issued(MONTHLY, seller)), chosen) == ["DE136695976"]
    assert said(xml_of(issued(REVERSED, seller)), chosen) == ["FR40303265045"]
    assert said(xml_of(issued(ABROAD, seller)), chosen) == ["DE136695976"]
