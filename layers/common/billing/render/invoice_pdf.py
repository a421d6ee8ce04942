"""Invoices as PDF, typeset by typst; equal input gives equal bytes (B-5).

Text that people typed travels as JSON beside the template and never inside it, so no name is
markup. Only the fonts inside typst are used: an invoice looks the same on Lambda, which has none,
and here.
"""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from billing.kernel.customers import Address, PaymentMethod
from billing.kernel.invoices import Invoice, InvoiceState
from billing.kernel.merchants import Merchant
from billing.refunds.refunds import Refund
from billing.render import formats, wording
from billing.render.messages import known, text

if TYPE_CHECKING:
    from typst import Compiler

_TEMPLATE = Path(__file__).parent / "templates" / "invoice.typ"
_COMPILING = Lock()
"""A compiler serves one caller at a time; the laptop runner has threads."""


def render(
    invoice: Invoice, merchant: Merchant, zone: str, method: PaymentMethod | None = None
) -> bytes:
    """Renders the invoice as PDF, dates in `zone`, with the card it was paid with if given."""
    content = _content(invoice, merchant, zone, method)
    return _typeset(content, invoice.settled_at or invoice.opened_at)


def _typeset(content: dict[str, object], at: datetime) -> bytes:
    with _COMPILING:
        pdf = _compiler().compile(
            format="pdf",
            sys_inputs={"invoice": json.dumps(content)},
            timestamp=int(at.timestamp()),
        )
    assert isinstance(pdf, bytes), "one PDF, whatever its number of pages"
    return pdf


def render_credit_note(refund: Refund, invoice: Invoice, merchant: Merchant, zone: str) -> bytes:
    """Renders the credit note of a refund, which names the invoice that it takes back (M-7)."""
    language = known(invoice.language)
    at = refund.settled_at or refund.requested_at
    amount = formats.money(refund.amount, language)
    described = text(language, "credit_note.line", number=invoice.number or invoice.id)
    content = _content(invoice, merchant, zone, None) | {
        "title": text(language, "credit_note.title"),
        "order": [text(language, "invoice.order_id"), refund.order_id],
        "facts": [
            [text(language, "credit_note.number"), refund.number or "–"],
            [text(language, "invoice.issued"), formats.day(at, zone, language)],
            [text(language, "credit_note.invoice"), invoice.number or invoice.id],
        ],
        "lines": [[described, amount]],
        "total": [text(language, "credit_note.total"), amount],
        "paid": text(language, "credit_note.paid"),
    }
    return _typeset(content, at)


@cache
def _compiler() -> Compiler:
    from typst import Compiler

    return Compiler(_TEMPLATE, root=_TEMPLATE.parent, ignore_system_fonts=True)


def _content(
    invoice: Invoice, merchant: Merchant, zone: str, method: PaymentMethod | None
) -> dict[str, object]:
    language = known(invoice.language)
    issued = formats.day(invoice.settled_at or invoice.opened_at, zone, language)
    number = invoice.number or "–"
    return {
        "language": language,
        "paper": _paper(merchant),
        "title": text(language, "invoice.title"),
        "author": merchant.name,
        "order": [text(language, "invoice.order_id"), invoice.order_id],
        "facts": [
            [text(language, "invoice.number"), number],
            [text(language, "invoice.issued"), issued],
        ],
        "parties": [
            [
                text(language, "invoice.from"),
                merchant.name,
                [
                    *_postal(merchant.address, language),
                    merchant.email,
                    *filter(None, [merchant.website]),
                ],
            ],
            [
                text(language, "invoice.bill_to"),
                invoice.bill_to.name,
                [*_postal(invoice.bill_to.address, language), invoice.bill_to.email],
            ],
        ],
        "head": [text(language, "invoice.description"), text(language, "invoice.amount")],
        "lines": [
            [wording.line(line, language), formats.money(line.amount, language)]
            for line in invoice.lines
        ],
        "total": [text(language, "invoice.total"), formats.money(invoice.total, language)],
        "paid": _paid(invoice, issued, method, language),
        "questions": text(language, "invoice.questions", email=merchant.email),
        "powered": text(language, "page.powered"),
        "test": (
            [text(language, "invoice.test"), text(language, "invoice.test_note")]
            if invoice.test
            else None
        ),
    }


def _paid(invoice: Invoice, date: str, method: PaymentMethod | None, language: str) -> str:
    if invoice.state is not InvoiceState.PAID:
        return text(language, "invoice.not_paid")
    if method is None:
        return text(language, "invoice.paid", date=date)
    paid_with = formats.means(method, language)
    return text(language, "invoice.paid_with", date=date, card=paid_with)


def _paper(merchant: Merchant) -> str:
    letter = merchant.address is not None and merchant.address.country in _LETTER
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
