"""Issued documents: issued with their number, never changed, served as they were issued (18)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from billing.kernel.invoices import Invoice
from billing.kernel.issued_documents import IssuedDocument
from billing.refunds.refunds import Refund
from sim.invariants import Violation
from sim.items import Put
from sim.seen import Seen


def rendered(document: IssuedDocument) -> bytes:
    """Returns the simulator's PDF: everything that a document shows, beginning with its id."""
    return f"{document.id}\n{replace(document, file='')!r}".encode()


def documents_agree(found: Mapping[type, list[Any]]) -> None:
    """Checks that each document has the number and the total of its invoice or refund (18)."""
    named = {invoice.id: (invoice.number, invoice.total) for invoice in found[Invoice]}
    named |= {refund.id: (refund.number, refund.amount) for refund in found[Refund]}
    for document in found[IssuedDocument]:
        if named.get(document.id) != (document.number, document.total):
            raise Violation("18", f"the document {document.id} is of another", document.id)


class DocumentWrites(Seen):
    """An observer of the documents that are written, and of the PDFs that people get."""

    def _document(self, before: IssuedDocument | None, after: IssuedDocument) -> None:
        if before is not None:
            raise Violation("18", f"the document {after.id} was written again", after.id)
        self.documents[after.id] = after
        self.tally["documents_issued"] += 1

    def _issued_with_number(self, by_type: dict[type, list[Put]], given: set[Any]) -> None:
        """Checks that a document is issued in the write that gives it its number."""
        issued = {after.number for _, _, after in by_type.get(IssuedDocument, ())}
        if given != issued:
            raise Violation("18", f"gave the numbers {given} and issued {issued}")

    def served(self, pdf: bytes) -> None:
        """Checks a PDF that somebody gets: it is the document as it was issued."""
        document = pdf.partition(b"\n")[0].decode()
        if pdf != rendered(self.documents[document]):
            raise Violation("18", f"{document} was served otherwise than issued", document)
        self.tally["documents_served"] += 1
