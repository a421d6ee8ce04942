"""Invoices and credit notes as PDF, typeset by typst; equal input gives equal bytes (B-5, M-7).

Text that people typed travels as JSON beside the template and never inside it, so no name is
markup. Only the fonts inside typst and those in `fonts` are used: an invoice looks the same on
Lambda, which has none, and here.
"""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from billing.kernel.customers import Address
from billing.kernel.issued_documents import DocumentKind, IssuedDocument, Seller
from billing.render import formats, wording
from billing.render.messages import text

if TYPE_CHECKING:
    from typst import Compiler

_TEMPLATE = Path(__file__).parent / "templates" / "invoice.typ"
_FONTS = Path(__file__).parent / "fonts"
"""Fonts of the scripts that typst's own lack; `dev.fonts` makes them."""

_COMPILING = Lock()
"""A compiler serves one caller at a time; the laptop runner has threads."""


def render(document: IssuedDocument) -> bytes:
    """Renders an invoice or a credit note as PDF, by nothing but what was issued."""
    content = _content(document)
    if document.kind is DocumentKind.CREDIT_NOTE:
        content |= _credited(document)
    return _typeset(content, document.issued_at)


def _typeset(content: dict[str, object], at: datetime) -> bytes:
    with _COMPILING:
        pdf = _compiler().compile(
            format="pdf",
            sys_inputs={"invoice": json.dumps(content)},
            timestamp=int(at.timestamp()),
        )
    assert isinstance(pdf, bytes), "one PDF, whatever its number of pages"
    return pdf


def _credited(document: IssuedDocument) -> dict[str, object]:
    """Returns what a credit note shows otherwise than an invoice: it names the one that it takes
    back (M-7)."""
    language = document.language
    amount = formats.money(-document.total, language)
    described = text(language, "credit_note.line", number=document.credits or "")
    return {
        "title": text(language, "credit_note.title"),
        "facts": [
            [text(language, "credit_note.number"), document.number],
            [text(language, "invoice.issued"), _issued(document)],
            [text(language, "credit_note.invoice"), document.credits],
        ],
        "lines": _credited_lines(document, described, amount),
        "total": [text(language, "credit_note.total"), amount],
    }


def _credited_lines(document: IssuedDocument, described: str, amount: str) -> list[list[str]]:
    if not document.lines:
        return [[described, amount]]
    net, *taxes = document.lines
    return [
        [described, formats.money(net.amount, document.language)],
        *(
            [wording.line(tax, document.language), formats.money(tax.amount, document.language)]
            for tax in taxes
        ),
    ]


@cache
def _compiler() -> Compiler:
    from typst import Compiler

    return Compiler(_TEMPLATE, root=_TEMPLATE.parent, font_paths=[_FONTS], ignore_system_fonts=True)


def _content(document: IssuedDocument) -> dict[str, object]:
    language, seller, buyer = document.language, document.seller, document.buyer
    return {
        "language": language,
        "paper": _paper(seller),
        "title": text(language, "invoice.title"),
        "author": seller.name,
        "order": [text(language, "invoice.order_id"), document.order_id],
        "facts": [
            [text(language, "invoice.number"), document.number],
            [text(language, "invoice.issued"), _issued(document)],
        ],
        "parties": [
            [
                text(language, "invoice.from"),
                seller.name,
                [
                    *_postal(seller.address, language),
                    seller.email,
                    *filter(None, [seller.website]),
                ],
            ],
            [
                text(language, "invoice.bill_to"),
                buyer.name,
                [
                    *_postal(buyer.address, language),
                    buyer.email,
                    *([text(language, "invoice.tax_id", id=buyer.tax_id)] if buyer.tax_id else []),
                ],
            ],
        ],
        "head": [text(language, "invoice.description"), text(language, "invoice.amount")],
        "lines": [
            [wording.line(line, language), formats.money(line.amount, language)]
            for line in document.lines
        ],
        "total": [text(language, "invoice.total"), formats.money(document.total, language)],
        "paid": wording.paid(document),
        "questions": text(language, "invoice.questions", email=seller.email),
        "powered": text(language, "page.powered"),
        "test": (
            [text(language, "invoice.test"), text(language, "invoice.test_note")]
            if document.test
            else None
        ),
    }


def _issued(document: IssuedDocument) -> str:
    return formats.day(document.issued_at, document.time_zone, document.language)


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
