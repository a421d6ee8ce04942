"""Mails to the customer about a refund (B-7, M-7)."""

from __future__ import annotations

from email.message import EmailMessage

from billing.kernel.invoices import Invoice
from billing.refunds.refunds import Refund
from billing.render import formats
from billing.render.mails import Envelope, Letter, words_of, written
from billing.render.messages import text


def refunded(envelope: Envelope, invoice: Invoice, refund: Refund, *, pdf: bytes) -> EmailMessage:
    """Writes the mail about a refund, with its credit note (B-7, M-7)."""
    words, language = words_of(invoice, envelope), envelope.language
    words["amount"] = formats.money(refund.amount, language)
    line = text(language, "credit_note.line", number=invoice.number or invoice.id)
    letter = Letter(
        subject=text(language, "mail.refunded.subject", **words),
        title=text(language, "mail.refunded.title"),
        opening=(text(language, "mail.refunded.text", **words),),
        lines=((line, formats.money(-refund.amount, language)),),
        purpose="refunded",
        words=words,
    )
    return written(letter, envelope, pdf, "credit-note.pdf")


def refund_returned(envelope: Envelope, invoice: Invoice, refund: Refund) -> EmailMessage:
    """Writes the mail about a refund that the customer's bank sent back.

    Nothing reached the customer; it names the address to write to (B-7).
    """
    words = words_of(invoice, envelope)
    words["amount"] = formats.money(refund.amount, envelope.language)
    words |= {"email": envelope.merchant.email, "number": refund.number or refund.order_id}
    letter = Letter(
        subject=text(envelope.language, "mail.refund_returned.subject", **words),
        title=text(envelope.language, "mail.refund_returned.title"),
        opening=(text(envelope.language, "mail.refund_returned.text", **words),),
        purpose="refund_returned",
        words=words,
    )
    return written(letter, envelope)
