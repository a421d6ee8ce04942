"""Invoices and credit notes as PDF, typeset by typst; equal input gives equal bytes (B-5, M-7).

Text that people typed travels as JSON beside the template and never inside it, so no name is
markup. Only the fonts inside typst and those in `fonts` are used: an invoice looks the same on
Lambda, which has none, and here. With its XML it is a PDF/A-3b that carries it (M-13).
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from billing.kernel.customers import Address
from billing.kernel.issued_documents import DocumentKind, IssuedDocument, Seller
from billing.render import factur_x, formats, invoice_lines, wording
from billing.render.messages import text

if TYPE_CHECKING:
    from typst import Compiler

_TEMPLATE = Path(__file__).parent / "templates" / "invoice.typ"
_FONTS = Path(__file__).parent / "fonts"
"""Fonts of the scripts that typst's own lack; `dev.fonts` makes them."""

_LACKING = "could not be displayed with font"
"""The words of typst for a character that no font has, which PDF/A forbids."""

_COMPILING = Lock()
"""A compiler serves one caller at a time; the laptop runner has threads."""


def render(document: IssuedDocument, xml: bytes | None = None, logo: bytes | None = None) -> bytes:
    """Renders an invoice or a credit note as PDF, by nothing but what was issued.

    `xml` is the e-invoice to carry, `logo` the seller's as PNG. A character that no font has cannot
    be in a PDF/A: such a document is a plain PDF, and its XML is beside it alone.
    """
    from typst import TypstError

    if xml is not None:
        try:
            return factur_x.marked(_typeset(document, xml, logo))
        except TypstError as error:
            if _LACKING not in str(error):
                raise
    return _typeset(document, None, logo)


def _typeset(document: IssuedDocument, xml: bytes | None, logo: bytes | None) -> bytes:
    inputs = {"invoice": json.dumps(_content(document))}
    if logo is not None:
        inputs["logo"] = json.dumps(list(logo))
    if xml is not None:
        inputs["xml"] = xml.decode("utf-8")
    with _COMPILING:
        pdf = _compiler().compile(
            format="pdf",
            sys_inputs=inputs,
            timestamp=int(document.issued_at.timestamp()),
            pdf_standards=[] if xml is None else ["a-3b"],
        )
    assert isinstance(pdf, bytes), "one PDF, whatever its number of pages"
    return pdf


@cache
def _compiler() -> Compiler:
    from typst import Compiler

    return Compiler(_TEMPLATE, root=_TEMPLATE.parent, font_paths=[_FONTS], ignore_system_fonts=True)


def _content(document: IssuedDocument) -> dict[str, object]:
    language, seller = document.language, document.seller
    return {
        "language": language,
        "paper": _paper(seller),
        "title": text(language, _words(document, "invoice.title", "credit_note.title")),
        "author": seller.name,
        "order": [text(language, "invoice.order_id"), document.order_id],
        "facts": _facts(document),
        "parties": [_from(document), _bill_to(document)],
        "headline": [formats.money(document.total, language), wording.paid(document)],
        **invoice_lines.table(document),
        "notes": [*invoice_lines.tax_notes(document), *filter(None, [seller.note])],
        "questions": text(language, "invoice.questions", email=seller.email),
        "powered": text(language, "page.powered"),
        "accent": document.accent,
        "test": (
            [text(language, "invoice.test"), text(language, "invoice.test_note")]
            if document.test
            else None
        ),
    }


def _words(document: IssuedDocument, invoice: str, credit_note: str) -> str:
    return credit_note if document.kind is DocumentKind.CREDIT_NOTE else invoice


def _facts(document: IssuedDocument) -> list[list[str]]:
    """Returns number and date; a credit note names the invoice that it takes back too (M-7)."""
    language = document.language
    issued = formats.day(document.issued_at, document.time_zone, language)
    facts = [
        [text(language, _words(document, "invoice.number", "credit_note.number")), document.number],
        [text(language, "invoice.issued"), issued],
    ]
    if document.kind is DocumentKind.CREDIT_NOTE:
        facts.append([text(language, "credit_note.invoice"), document.credits or ""])
    return facts


def _from(document: IssuedDocument) -> list[object]:
    language, seller = document.language, document.seller
    return [
        text(language, "invoice.from"),
        seller.name,
        [
            *filter(None, [seller.trading_name]),
            *_postal(seller.address, language),
            seller.email,
            *filter(None, [seller.website]),
            *(text(language, "invoice.tax_id", id=each.number) for each in seller.tax_ids),
        ],
    ]


def _bill_to(document: IssuedDocument) -> list[object]:
    language, buyer = document.language, document.buyer
    return [
        text(language, "invoice.bill_to"),
        buyer.name,
        [
            *_postal(buyer.address, language),
            buyer.email,
            *([text(language, "invoice.tax_id", id=buyer.tax_id)] if buyer.tax_id else []),
        ],
    ]


def _paper(seller: Seller) -> str:
    letter = seller.address is not None and seller.address.country in _LETTER
    return "us-letter" if letter else "a4"


def _postal(address: Address | None, language: str) -> list[str]:
    if address is None:
        return []
    town = [address.postal_code, address.city, address.state]
    if address.country in _TOWN_BEFORE_CODE:
        region = " ".join(filter(None, [address.state, address.postal_code]))
        town = [f"{address.city},", region] if region else [address.city]
    return [
        address.line1,
        *filter(None, [address.line2]),
        " ".join(filter(None, town)),
        formats.country(address.country, language),
    ]


_LETTER = frozenset({"CA", "US"})
_TOWN_BEFORE_CODE = frozenset({"AU", "BR", "CA", "GB", "HK", "IE", "IN", "NZ", "SG", "US"})
"""Countries that write Springfield, IL 12345; the others write 12345 Springfield."""
