"""Marks a PDF/A-3 that carries an e-invoice as Factur-X 1.0, which typst cannot (M-13).

The properties, and the schema that PDF/A demands for them, go into the XMP packet. typst writes
that packet as a plain stream and a plain table of where each object begins, so both are mended in
place: no library is needed to read the file.
"""

from __future__ import annotations

import re

FILE_NAME = "factur-x.xml"
LEVEL = "EN 16931"
NAMESPACE = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"

_PROPERTIES = (
    ("DocumentFileName", "The name of the embedded XML document", FILE_NAME),
    ("DocumentType", "The type of the hybrid document in capital letters", "INVOICE"),
    ("Version", "The version of the standard of the embedded XML document", "1.0"),
    ("ConformanceLevel", "The conformance level of the embedded XML document", LEVEL),
)
_METADATA = re.compile(
    rb"<</Length (\d+)/Type/Metadata/Subtype/XML>>\nstream\n(.*?)\nendstream", re.DOTALL
)
_ENTRY = re.compile(rb"(\d{10}) (\d{5}) n")


def marked(pdf: bytes) -> bytes:
    """Returns a PDF/A-3 of typst's with the marks of Factur-X in its metadata."""
    found = _METADATA.search(pdf)
    assert found is not None and int(found[1]) == len(found[2]), "typst's own metadata"
    packet = _packet(found[2].decode("utf-8")).encode("utf-8")
    stream = b"<</Length %d/Type/Metadata/Subtype/XML>>\nstream\n%b\nendstream"
    made = stream % (len(packet), packet)
    longer = len(made) - len(found[0])
    body, _, table = pdf[found.end() :].rpartition(b"xref\n0 ")
    begins = int(re.findall(rb"startxref\n(\d+)\n", table)[-1])
    assert pdf[begins:].startswith(b"xref\n0 "), "a plain table"

    def moved(entry: re.Match[bytes]) -> bytes:
        place = int(entry[1])
        return b"%010d %b n" % (place + longer if place > found.start() else place, entry[2])

    entries, end, trailer = table.partition(b"trailer\n")
    trailer = trailer.replace(b"startxref\n%d\n" % begins, b"startxref\n%d\n" % (begins + longer))
    offsets = _ENTRY.sub(moved, entries)
    return b"".join([pdf[: found.start()], made, body, b"xref\n0 ", offsets, end, trailer])


def _packet(xmp: str) -> str:
    """Returns an XMP packet with the properties of Factur-X and their schema."""
    schemas, end = "</rdf:Bag></pdfaExtension:schemas>", "</rdf:RDF>"
    assert xmp.count(schemas) == xmp.count(end) == 1, "typst describes its own schemas there"
    return xmp.replace(schemas, _schema() + schemas).replace(end, _description() + end)


def _schema() -> str:
    properties = "".join(
        '<rdf:li rdf:parseType="Resource">'
        f"<pdfaProperty:name>{name}</pdfaProperty:name>"
        "<pdfaProperty:valueType>Text</pdfaProperty:valueType>"
        "<pdfaProperty:category>external</pdfaProperty:category>"
        f"<pdfaProperty:description>{said}</pdfaProperty:description>"
        "</rdf:li>"
        for name, said, _ in _PROPERTIES
    )
    return (
        '<rdf:li rdf:parseType="Resource">'
        "<pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>"
        f"<pdfaSchema:namespaceURI>{NAMESPACE}</pdfaSchema:namespaceURI>"
        "<pdfaSchema:prefix>fx</pdfaSchema:prefix>"
        f"<pdfaSchema:property><rdf:Seq>{properties}</rdf:Seq></pdfaSchema:property>"
        "</rdf:li>"
    )


def _description() -> str:
    values = "".join(f"<fx:{name}>{value}</fx:{name}>" for name, _, value in _PROPERTIES)
    return f'<rdf:Description rdf:about="" xmlns:fx="{NAMESPACE}">{values}</rdf:Description>'
