"""Writes an e-invoice as XML: UN/CEFACT Cross Industry Invoice in the profile EN 16931 (M-13).

The order of elements is that of the schema of Factur-X 1.0. Equal content gives equal bytes.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

# Nothing is parsed here.
from xml.etree import ElementTree  # nosec B405
from xml.etree.ElementTree import Element  # nosec B405

from billing.kernel.customers import Address
from billing.kernel.identities import WITH_PREFIX, TaxId, with_prefix
from billing.kernel.issued_documents import PaidWith
from billing.kernel.money import MINOR_DIGITS
from billing.render.einvoice import (
    Allowance,
    Category,
    EInvoice,
    Item,
    Vat,
    VatSum,
)

PROFILE = "urn:cen.eu:en16931:2017"
INVOICE, CREDIT_NOTE = "380", "381"
"""UNTDID 1001."""
ONE = "C62"
"""UN/ECE Recommendation 20: a piece, such as a month of a subscription."""
CARD, ONLINE = "48", "68"
"""UNTDID 4461: bank card; online payment service."""
DISCOUNT = "95"
"""UNTDID 5189."""
_REASON_CODES = {Category.REVERSE_CHARGE: "VATEX-EU-AE", Category.OUTSIDE: "VATEX-EU-O"}

_STANDARD = "urn:un:unece:uncefact:data:standard"
_NAMESPACES = {
    "xmlns:rsm": f"{_STANDARD}:CrossIndustryInvoice:100",
    "xmlns:ram": f"{_STANDARD}:ReusableAggregateBusinessInformationEntity:100",
    "xmlns:qdt": f"{_STANDARD}:QualifiedDataType:100",
    "xmlns:udt": f"{_STANDARD}:UnqualifiedDataType:100",
}
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def written(invoice: EInvoice) -> bytes:
    """Returns an e-invoice as XML in UTF-8."""
    root = Element("rsm:CrossIndustryInvoice", _NAMESPACES)
    root.extend(
        [
            _rsm("ExchangedDocumentContext", _guideline()),
            _rsm("ExchangedDocument", *_head(invoice)),
            _rsm("SupplyChainTradeTransaction", *_transaction(invoice)),
        ]
    )
    ElementTree.indent(root)
    made: bytes = ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return made


def _rsm(name: str, *children: Element | None) -> Element:
    made = Element(f"rsm:{name}")
    made.extend(child for child in children if child is not None)
    return made


def _ram(name: str, *content: str | Element | None, **attributes: str) -> Element:
    """Returns an element of text or of those children that are there."""
    made = Element(f"ram:{name}", attributes)
    for each in content:
        if isinstance(each, str):
            made.text = _NOT_IN_XML.sub("", each)
        elif each is not None:
            made.append(each)
    return made


def _maybe(name: str, text: str | None, **attributes: str) -> Element | None:
    return _ram(name, text, **attributes) if text else None


def _guideline() -> Element:
    return _ram("GuidelineSpecifiedDocumentContextParameter", _ram("ID", PROFILE))


def _head(invoice: EInvoice) -> list[Element]:
    return [
        _ram("ID", invoice.number),
        _ram("TypeCode", CREDIT_NOTE if invoice.credit_note else INVOICE),
        _day("IssueDateTime", invoice.issued_on),
        *(_ram("IncludedNote", _ram("Content", note)) for note in invoice.notes),
    ]


def _day(name: str, day: date, *, kind: str = "udt") -> Element:
    text = Element(f"{kind}:DateTimeString", format="102")
    text.text = day.strftime("%Y%m%d")
    made = Element(f"ram:{name}")
    made.append(text)
    return made


def _transaction(invoice: EInvoice) -> list[Element]:
    return [
        *(_line(str(place), item) for place, item in enumerate(invoice.items, start=1)),
        _ram(
            "ApplicableHeaderTradeAgreement",
            _seller(invoice),
            _buyer(invoice),
            _ram("SellerOrderReferencedDocument", _ram("IssuerAssignedID", invoice.order_id)),
        ),
        _ram(
            "ApplicableHeaderTradeDelivery",
            _ram("ActualDeliverySupplyChainEvent", _day("OccurrenceDateTime", invoice.issued_on)),
        ),
        _ram("ApplicableHeaderTradeSettlement", *_settlement(invoice)),
    ]


def _line(number: str, item: Item) -> Element:
    return _ram(
        "IncludedSupplyChainTradeLineItem",
        _ram("AssociatedDocumentLineDocument", _ram("LineID", number)),
        _ram("SpecifiedTradeProduct", _ram("Name", item.name)),
        _ram(
            "SpecifiedLineTradeAgreement",
            _ram("NetPriceProductTradePrice", _ram("ChargeAmount", _amount(item.price_minor))),
        ),
        _ram(
            "SpecifiedLineTradeDelivery",
            _ram("BilledQuantity", str(item.quantity), unitCode=ONE),
        ),
        _ram(
            "SpecifiedLineTradeSettlement",
            _ram("ApplicableTradeTax", *_rated(item.vat)),
            _period(item.period),
            _ram(
                "SpecifiedTradeSettlementLineMonetarySummation",
                _ram("LineTotalAmount", _amount(item.net_minor)),
            ),
        ),
    )


def _rated(vat: Vat) -> list[Element | None]:
    return [_ram("TypeCode", "VAT"), _ram("CategoryCode", vat.category.value), _rate(vat)]


def _rate(vat: Vat) -> Element | None:
    if vat.category is Category.OUTSIDE:
        return None
    percent = f"{Decimal(vat.rate_ppm).scaleb(-4):f}"
    short = percent.rstrip("0").rstrip(".") if "." in percent else percent
    return _ram("RateApplicablePercent", short or "0")


def _period(period: tuple[date, date] | None) -> Element | None:
    if period is None:
        return None
    first, last = period
    return _ram("BillingSpecifiedPeriod", _day("StartDateTime", first), _day("EndDateTime", last))


def _amount(minor: int) -> str:
    return f"{Decimal(minor).scaleb(-MINOR_DIGITS):.{MINOR_DIGITS}f}"


def _seller(invoice: EInvoice) -> Element:
    seller, tax_id = invoice.seller, invoice.seller_tax_id
    assert seller.address is not None, "an e-invoice has the seller's address"
    trading = seller.trading_name
    return _ram(
        "SellerTradeParty",
        _ram("ID", tax_id.number) if invoice.is_outside else None,
        _ram("Name", seller.name),
        _ram("SpecifiedLegalOrganization", _ram("TradingBusinessName", trading))
        if trading
        else None,
        _ram(
            "DefinedTradeContact",
            _ram("PersonName", trading or seller.name),
            _ram("EmailURIUniversalCommunication", _ram("URIID", seller.email)),
        ),
        _address(seller.address),
        _email(seller.email),
        None if invoice.is_outside else _registration(tax_id),
    )


def _registration(tax_id: TaxId) -> Element:
    """Returns a VAT id, or, of a country whose ids lack its code, a tax registration (BR-CO-09)."""
    scheme = "VA" if tax_id.country in WITH_PREFIX else "FC"
    return _ram("SpecifiedTaxRegistration", _ram("ID", tax_id.number, schemeID=scheme))


def _buyer(invoice: EInvoice) -> Element:
    buyer, country = invoice.buyer, invoice.buyer.address.country
    as_vat = buyer.tax_id and country in WITH_PREFIX and not invoice.is_outside
    vat_id = TaxId(country, with_prefix(country, buyer.tax_id)) if buyer.tax_id else None
    return _ram(
        "BuyerTradeParty",
        None if as_vat else _maybe("ID", buyer.tax_id),
        _ram("Name", buyer.name or buyer.email),
        _address(buyer.address),
        _email(buyer.email),
        _registration(vat_id) if vat_id and as_vat else None,
    )


def _email(address: str) -> Element:
    return _ram("URIUniversalCommunication", _ram("URIID", address, schemeID="EM"))


def _address(address: Address) -> Element:
    return _ram(
        "PostalTradeAddress",
        _maybe("PostcodeCode", address.postal_code),
        _maybe("LineOne", address.line1),
        _maybe("LineTwo", address.line2),
        _maybe("CityName", address.city),
        _ram("CountryID", address.country),
        _maybe("CountrySubDivisionName", address.state),
    )


def _settlement(invoice: EInvoice) -> list[Element | None]:
    return [
        _ram("InvoiceCurrencyCode", invoice.currency.value),
        _means(invoice.paid_with),
        *(_vat_sum(each) for each in invoice.vat),
        _period(invoice.period),
        *(_allowance(each) for each in invoice.allowances),
        _ram(
            "SpecifiedTradePaymentTerms",
            _ram("Description", invoice.paid),
            _day("DueDateDateTime", invoice.issued_on),
        ),
        _sums(invoice),
        _credited(invoice),
    ]


def _means(paid_with: PaidWith | None) -> Element | None:
    if paid_with is None:
        return None
    if not paid_with.last4:
        return _ram("SpecifiedTradeSettlementPaymentMeans", _ram("TypeCode", ONLINE))
    return _ram(
        "SpecifiedTradeSettlementPaymentMeans",
        _ram("TypeCode", CARD),
        _ram("ApplicableTradeSettlementFinancialCard", _ram("ID", paid_with.last4)),
    )


def _vat_sum(each: VatSum) -> Element:
    return _ram(
        "ApplicableTradeTax",
        _ram("CalculatedAmount", _amount(each.tax_minor)),
        _ram("TypeCode", "VAT"),
        _maybe("ExemptionReason", each.reason),
        _ram("BasisAmount", _amount(each.basis_minor)),
        _ram("CategoryCode", each.vat.category.value),
        _maybe("ExemptionReasonCode", _REASON_CODES.get(each.vat.category)),
        _rate(each.vat),
    )


def _allowance(each: Allowance) -> Element:
    indicator = Element("udt:Indicator")
    indicator.text = "false"
    return _ram(
        "SpecifiedTradeAllowanceCharge",
        _ram("ChargeIndicator", indicator),
        _ram("ActualAmount", _amount(each.amount_minor)),
        _ram("ReasonCode", DISCOUNT),
        _ram("Reason", each.reason),
        _ram("CategoryTradeTax", *_rated(each.vat)),
    )


def _sums(invoice: EInvoice) -> Element:
    total = _amount(invoice.total_minor)
    return _ram(
        "SpecifiedTradeSettlementHeaderMonetarySummation",
        _ram("LineTotalAmount", _amount(invoice.lines_minor)),
        _ram("AllowanceTotalAmount", _amount(invoice.allowances_minor)),
        _ram("TaxBasisTotalAmount", _amount(invoice.basis_minor)),
        _ram("TaxTotalAmount", _amount(invoice.tax_minor), currencyID=invoice.currency.value),
        _ram("GrandTotalAmount", total),
        _ram("TotalPrepaidAmount", total),
        _ram("DuePayableAmount", _amount(0)),
    )


def _credited(invoice: EInvoice) -> Element | None:
    if invoice.credits is None:
        return None
    return _ram(
        "InvoiceReferencedDocument",
        _ram("IssuerAssignedID", invoice.credits),
        _day("FormattedIssueDateTime", invoice.credits_on, kind="qdt")
        if invoice.credits_on
        else None,
    )
