"""The files of issued documents: made once, kept in the object store, served as kept (M-7, M-13).

Each is made from the issued document alone, so while the object store is out of reach it is made
again, and says the same.
"""

from __future__ import annotations

from collections.abc import Callable

from billing.branding import looks
from billing.kernel.errors import Unavailable
from billing.kernel.issued_documents import IssuedDocument
from billing.kernel.objects import DOCUMENTS, ObjectKey
from billing.kernel.ports import Ports
from billing.render import invoice_pdf
from billing.render.einvoice import EInvoice, NoEInvoice, einvoice_of
from billing.runtime import telemetry

PDF_TYPE, XML_TYPE = "application/pdf", "application/xml"
FILE_MOST_BYTES = 4 * 2**20
"""The largest file that is read back: a function's answer has room for no more."""


def pdf(ports: Ports, document: IssuedDocument) -> bytes:
    """Returns the PDF of an issued document, with its e-invoice inside where it is one too."""

    def make() -> tuple[bytes, bool]:
        found = xml(ports, document) if document.e_invoice else None
        logo, known = _logo(ports, document)
        inside = found if isinstance(found, bytes) else None
        return invoice_pdf.render(document, inside, logo), known

    return _kept(ports, document, "pdf", PDF_TYPE, make)


def _logo(ports: Ports, document: IssuedDocument) -> tuple[bytes | None, bool]:
    """Returns the logo of a document, and whether what there is of it is known.

    While it is not, the document is made without it and not kept: it says the same.
    """
    if document.logo is None:
        return None, True
    key = looks.logo_key(document.merchant, document.logo.digest)
    try:
        found = ports.objects.get(key, at_most=FILE_MOST_BYTES)
    except Unavailable as outage:
        telemetry.happened("document without logo", merchant=document.merchant, why=outage.note)
        return None, False
    return None if found is None else found.content, True


def xml(ports: Ports, document: IssuedDocument) -> bytes | NoEInvoice:
    """Returns the e-invoice of an issued document as XML, or why there is none (M-13)."""
    from billing.render import cii  # 10 ms that only e-invoices need

    found = einvoice_of(document)
    if not isinstance(found, EInvoice):
        return found
    return _kept(ports, document, "xml", XML_TYPE, lambda: (cii.written(found), True))


def _kept(
    ports: Ports,
    document: IssuedDocument,
    ending: str,
    content_type: str,
    make: Callable[[], tuple[bytes, bool]],
) -> bytes:
    """Returns a file of a document as it is kept; made, and kept from now on, if it is not yet.

    `make` tells too whether what it made is whole, and so may be kept.
    """
    key = ObjectKey(DOCUMENTS, document.merchant, f"{document.customer}/{document.file}.{ending}")
    made: bytes | None = None
    try:
        kept = ports.objects.get(key, at_most=FILE_MOST_BYTES)
        if kept is None:
            made, is_whole = make()
            if not is_whole:
                return made
            names = {"number": document.number}
            if ports.objects.put(key, made, content_type=content_type, metadata=names):
                return made
            kept = ports.objects.get(key, at_most=FILE_MOST_BYTES)  # another was first
        if kept is not None:
            return kept.content
    except Unavailable as outage:
        telemetry.tally({"not_kept": 1}, "documents_")
        telemetry.happened("object store unavailable", merchant=document.merchant, why=outage.note)
    return made if made is not None else make()[0]
