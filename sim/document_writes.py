"""Issued documents: issued with their number, never changed, served as they were issued (18)."""

from __future__ import annotations

from typing import Any

from billing.kernel.issued_documents import IssuedDocument
from billing.kernel.values import replace
from billing.render.einvoice import EInvoice, NoEInvoice, einvoice_of
from sim.invariants import Violation
from sim.items import Put
from sim.seen import Seen


def rendered(
    document: IssuedDocument, xml: bytes | None = None, logo: bytes | None = None
) -> bytes:
    """Returns the simulator's PDF: everything that a document shows, beginning with its id."""
    return f"{document.id}\n{replace(document, file='')!r}".encode()


class DocumentWrites(Seen):
    """An observer of the documents that are written, and of the PDFs that people get."""

    def _document(self, before: IssuedDocument | None, after: IssuedDocument) -> None:
        if before is not None:
            raise Violation("18", f"the document {after.id} was written again", after.id)
        self.documents[after.id] = after
        self.tally["documents_issued"] += 1
        self._e_invoice(after)

    def _e_invoice(self, document: IssuedDocument) -> None:
        """Checks that a document with VAT is an e-invoice, which adds up to the cent by itself; a
        credit note whose net amount is nothing need not be one."""
        made = einvoice_of(document)
        nothing_net = not any(line.amount for line in document.lines if not line.is_tax)
        if isinstance(made, EInvoice):
            self.tally["e_invoices"] += 1
        elif made is NoEInvoice.TAX_ALONE and nothing_net:
            self.tally["credit_notes_of_tax_alone"] += 1
        elif {line.kind for line in document.lines if line.is_tax} == {"DE"}:
            raise Violation("18", f"{document.id} has VAT and no e-invoice: {made}", document.id)

    def _issued_with_number(self, by_type: dict[type, list[Put]], given: set[Any]) -> None:
        """Checks that a document is issued in the write that gives it its number."""
        issued = {after.number for _, _, after in by_type.get(IssuedDocument, ())}
        if given != issued:
            raise Violation("18", f"gave the numbers {given} and issued {issued}")

    def served(self, pdf: bytes) -> None:
        """Checks a PDF that somebody gets: it is the document as it was issued."""
        document = pdf.partition(b"\n")[0].decode()
        expected = self._rendered.get(document)
        if expected is None:
            expected = self._rendered[document] = rendered(self.documents[document])
        if pdf != expected:
            raise Violation("18", f"{document} was served otherwise than issued", document)
        self.tally["documents_served"] += 1
