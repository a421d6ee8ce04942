"""The PDF of an e-invoice is a PDF/A-3b that carries its XML, by its structure (M-13).

No veraPDF was to be had: what PDF/A and Factur-X demand of a file's structure is asserted here, one
by one, and typst refuses what it knows to break PDF/A.
"""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

import pytest
from lxml import etree
from pypdf import PdfReader
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject

from billing.kernel.issued_documents import IssuedDocument
from billing.kernel.values import replace
from billing.render import invoice_pdf
from tests.invoices.issuing_samples import GERMAN_BUSINESS, issued
from tests.invoices.test_einvoices import CREDIT_NOTES, INVOICES, MONTHLY, REVERSED, xml_of

pytestmark = [pytest.mark.spec("M-13"), pytest.mark.typeset]

XMP = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "pdfaid": "http://www.aiim.org/pdfa/ns/id/",
    "pdfaExtension": "http://www.aiim.org/pdfa/ns/extension/",
    "pdfaSchema": "http://www.aiim.org/pdfa/ns/schema#",
    "pdfaProperty": "http://www.aiim.org/pdfa/ns/property#",
    "fx": "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#",
    "dc": "http://purl.org/dc/elements/1.1/",
}

KINDS = {
    "monthly": INVOICES["recurring, business"],
    "reverse charge": issued(REVERSED),
    "test": INVOICES["test"],
    "credit note": CREDIT_NOTES["part"],
    "emoji and Hebrew": replace(
        issued(MONTHLY), buyer=replace(GERMAN_BUSINESS, name="😀 שלום & <Söhne>")
    ),
}


def hybrid(document: IssuedDocument) -> bytes:
    return invoice_pdf.render(document, xml_of(document))


def root_of(pdf: bytes) -> DictionaryObject:
    root = PdfReader(BytesIO(pdf), strict=True).trailer["/Root"]
    assert isinstance(root, DictionaryObject)
    return root


def at(found: Any, *path: Any) -> Any:
    for step in path:
        found = found[step]
        if isinstance(found, IndirectObject):
            found = found.get_object()
    return found


def metadata(pdf: bytes) -> etree._Element:
    stream = at(root_of(pdf), "/Metadata")
    assert "/Filter" not in stream, "PDF/A wants it plain"
    return etree.fromstring(stream.get_data())


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def document(request: pytest.FixtureRequest) -> IssuedDocument:
    found = request.param
    assert isinstance(found, IssuedDocument)
    return found


def test_the_xml_is_attached_as_an_alternative_of_the_whole_document(
    document: IssuedDocument,
) -> None:
    pdf = hybrid(document)
    root = root_of(pdf)
    names = at(root, "/Names", "/EmbeddedFiles", "/Names")
    assert isinstance(names, ArrayObject) and names[0] == "factur-x.xml" and len(names) == 2
    (associated,) = at(root, "/AF")
    assert associated == names[1], "one file, by name and by relation"
    spec = at(names, 1)
    assert (spec["/Type"], spec["/F"], spec["/UF"]) == (
        "/Filespec",
        "factur-x.xml",
        "factur-x.xml",
    )
    assert spec["/AFRelationship"] == "/Alternative"
    file = at(spec, "/EF", "/F")
    assert (file["/Type"], file["/Subtype"]) == ("/EmbeddedFile", "/text/xml")
    assert "/ModDate" in at(file, "/Params")
    assert file.get_data() == xml_of(document)


def test_it_says_that_it_is_pdf_a_3b_and_factur_x(document: IssuedDocument) -> None:
    xmp = metadata(hybrid(document))

    def said(path: str) -> str | None:
        return xmp.findtext(f".//{path}", None, XMP)

    assert (said("pdfaid:part"), said("pdfaid:conformance")) == ("3", "B")
    assert {
        name: said(f"fx:{name}")
        for name in ("DocumentType", "DocumentFileName", "Version", "ConformanceLevel")
    } == {
        "DocumentType": "INVOICE",
        "DocumentFileName": "factur-x.xml",
        "Version": "1.0",
        "ConformanceLevel": "EN 16931",
    }


def test_the_schema_of_the_marks_is_described() -> None:
    xmp = metadata(hybrid(issued(MONTHLY)))
    schemas = {
        li.findtext("pdfaSchema:namespaceURI", None, XMP): li
        for li in xmp.iterfind(".//pdfaExtension:schemas/rdf:Bag/rdf:li", XMP)
    }
    ours = schemas[XMP["fx"]]
    assert ours.findtext("pdfaSchema:prefix", None, XMP) == "fx"
    described = [each.text for each in ours.iterfind(".//pdfaProperty:name", XMP)]
    used = [etree.QName(each).localname for each in xmp.iterfind(".//fx:*", XMP)]
    assert sorted(described, key=str) == sorted(used)
    for each in ours.iterfind(".//pdfaSchema:property/rdf:Seq/rdf:li", XMP):
        fields = {etree.QName(child).localname for child in each}
        assert fields == {"name", "valueType", "category", "description"}


def test_colours_fonts_and_the_trailer_are_as_pdf_a_wants_them(document: IssuedDocument) -> None:
    pdf = hybrid(document)
    assert pdf.startswith(b"%PDF-1.7\n%") and all(byte > 127 for byte in pdf[10:14])
    reader = PdfReader(BytesIO(pdf), strict=True)
    assert "/Encrypt" not in reader.trailer and len(at(reader.trailer, "/ID")) == 2
    (intent,) = (each.get_object() for each in at(root_of(pdf), "/OutputIntents"))
    assert intent["/S"] == "/GTS_PDFA1"
    assert at(intent, "/DestOutputProfile").get_data()[36:40] == b"acsp", "an ICC profile"
    for page in reader.pages:
        for font in at(page, "/Resources", "/Font").values():
            (inner,) = (each.get_object() for each in at(font.get_object(), "/DescendantFonts"))
            descriptor = at(inner, "/FontDescriptor")
            assert {"/FontFile", "/FontFile2", "/FontFile3"} & set(descriptor), "embedded"
            assert "/ToUnicode" in font.get_object()
    assert not any(key in root_of(pdf) for key in ("/AA", "/OpenAction", "/JavaScript"))


def test_every_object_is_where_the_table_says(document: IssuedDocument) -> None:
    pdf = hybrid(document)
    begins = int(re.findall(rb"startxref\n(\d+)\n%%EOF", pdf)[-1])
    table = pdf[begins:]
    assert table.startswith(b"xref\n0 ")
    entries = re.findall(rb"(\d{10}) \d{5} n", table)
    for number, offset in enumerate(entries, start=1):
        assert pdf[int(offset) :].startswith(b"%d 0 obj" % number)


def test_equal_documents_make_equal_bytes(document: IssuedDocument) -> None:
    assert hybrid(document) == hybrid(document)


def test_a_pdf_without_its_xml_claims_nothing() -> None:
    pdf = invoice_pdf.render(issued(MONTHLY))
    assert "/AF" not in root_of(pdf) and "/Names" not in root_of(pdf)
    assert metadata(pdf).findtext(".//fx:DocumentType", None, XMP) is None


def test_a_name_that_no_font_has_makes_a_plain_pdf_that_claims_nothing() -> None:
    """PDF/A cannot show it; the invoice is served all the same, its XML beside it."""
    odd = replace(issued(MONTHLY), buyer=replace(GERMAN_BUSINESS, name="\U00012000"))
    pdf = hybrid(odd)
    assert "/AF" not in root_of(pdf)
    assert metadata(pdf).findtext(".//pdfaid:part", None, XMP) is None
