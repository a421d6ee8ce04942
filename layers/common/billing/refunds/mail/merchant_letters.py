"""Mails to the merchant about a bank's decision, and its effect here (W-4, B-7)."""

from __future__ import annotations

from email.message import EmailMessage

from billing.kernel.invoices import Invoice
from billing.refunds.chargebacks import Chargeback
from billing.refunds.refunds import Refund
from billing.render import formats, wording
from billing.render.mails import Envelope, Letter, written
from billing.render.messages import text


def dispute(
    envelope: Envelope, kind: str, chargeback: Chargeback, invoice: Invoice, email: str
) -> EmailMessage:
    """Writes the mail about a chargeback that was opened, won or lost.

    `kind` is the outbox event's kind, `email` the customer's.
    """
    language, zone = envelope.language, envelope.merchant.settings.time_zone
    words = {
        "amount": formats.money(chargeback.amount, language),
        "product": invoice.product_name,
        "email": email,
        "date": formats.day(invoice.settled_at or invoice.opened_at, zone, language),
    }
    agreement = "once" if chargeback.subscription is None else "subscription"
    letter = Letter(
        subject=text(language, f"mail.{kind}.subject", **words),
        title=text(language, f"mail.{kind}.title"),
        opening=(text(language, f"mail.{kind}.text", **words),),
        paragraphs=(
            text(language, f"mail.{kind}.{agreement}"),
            text(language, "mail.dispute.reference", order=chargeback.order, id=chargeback.id),
        ),
    )
    return written(letter, envelope)


def refund_came_back(
    envelope: Envelope, invoice: Invoice, refund: Refund, email: str
) -> EmailMessage:
    """Writes the mail about a refund that the bank did not take; the rest needs a person."""
    language, zone = envelope.language, envelope.merchant.settings.time_zone
    words = {
        "amount": formats.money(refund.amount, language),
        "product": invoice.product_name,
        "email": email,
        "date": formats.day(invoice.settled_at or invoice.opened_at, zone, language),
        "why": wording.merchants_reason(refund.failure or "unknown"),
        "number": refund.number or refund.order_id,
        "order": refund.order_id,
        "id": refund.gateway_refund or "",
    }
    letter = Letter(
        subject=text(language, "mail.refund_came_back.subject", **words),
        title=text(language, "mail.refund_came_back.title"),
        opening=(text(language, "mail.refund_came_back.text", **words),),
        paragraphs=(
            text(language, "mail.refund_came_back.again", **words),
            text(language, "mail.dispute.reference", **words),
        ),
    )
    return written(letter, envelope)
