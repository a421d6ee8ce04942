"""Mails about a payment: a purchase, a renewal, a change of plan; paid, declined, or waiting for
its customer (C-3, R-4, R-8)."""

from __future__ import annotations

from email.message import EmailMessage

from billing.kernel.invoices import Invoice
from billing.kernel.merchants import CONFIRMATION_TEMPLATE
from billing.kernel.snapshots import Snapshot
from billing.kernel.values import replace
from billing.render import formats, wording
from billing.render.mails import (
    Envelope,
    Letter,
    cancelling,
    card_button,
    greeted,
    next_payment,
    words_of,
    written,
)
from billing.render.messages import text
from billing.render.own_words import filled


def confirmation(
    envelope: Envelope,
    invoice: Invoice,
    was: Snapshot | None,
    *,
    invoice_url: str,
    pdf: bytes,
) -> EmailMessage:
    """Writes the order confirmation: product, price, next charges and how to cancel (C-3).

    The Order ID is in it only where the merchant's template asks for it.
    """
    language, merchant = envelope.language, envelope.merchant
    product, name = invoice.product_name, greeted(invoice.bill_to.name)
    letter = Letter(
        subject=text(language, "mail.confirmation.subject", product=product),
        title=text(language, "mail.confirmation.title"),
        opening=(
            text(language, "mail.confirmation.text", product=product, merchant=merchant.name),
        ),
        lines=_lines(invoice, envelope),
        paragraphs=(
            *_from_merchant(
                merchant.settings.confirmation_template,
                {"order_id": invoice.order_id, "product": product, "name": name},
                language,
            ),
            *next_payment(was, envelope),
        ),
        cancelling=cancelling(merchant, was, language),
        invoice_url=invoice_url,
        purpose="confirmation",
        words={"product": product, "merchant": merchant.name, "name": name},
    )
    if envelope.way_in is not None:
        envelope = replace(envelope, way_in=replace(envelope.way_in, order_id=None))
    return written(letter, envelope, pdf)


def receipt(
    envelope: Envelope,
    invoice: Invoice,
    was: Snapshot | None,
    *,
    invoice_url: str,
    pdf: bytes,
) -> EmailMessage:
    """Writes the mail about a paid rebill or plan change, and the next charge (R-8, A-4)."""
    words = words_of(invoice, envelope)
    kind = "receipt" if invoice.plan_change is None else "plan_paid"
    title = f"mail.{kind}.title"
    if not invoice.total:  # No charge in words, where credit covered it.
        kind = "nothing_due" if invoice.plan_change is None else "plan_changed"
        title = "payment.over.title" if invoice.plan_change is None else title
    letter = Letter(
        subject=text(envelope.language, f"mail.{kind}.subject", **words),
        title=text(envelope.language, title),
        opening=(text(envelope.language, f"mail.{kind}.text", **words),),
        lines=_lines(invoice, envelope),
        paragraphs=next_payment(was, envelope),
        cancelling=cancelling(envelope.merchant, was, envelope.language),
        invoice_url=invoice_url,
        purpose=kind,
        words=words,
    )
    return written(letter, envelope, pdf)


def payment_failed(envelope: Envelope, invoice: Invoice, was: Snapshot | None) -> EmailMessage:
    """Writes the mail about a declined rebill, with a reason where one may be given (R-4).

    It names the next try, and leads to the page on which to add another card.
    """
    language, merchant = envelope.language, envelope.merchant
    words = words_of(invoice, envelope)
    retry_at = was.retry_at if was is not None and invoice.retryable else None
    over = was is not None and not was.is_live
    if over:
        then = text(language, "mail.payment_failed.over")
    elif invoice.plan_change is not None:
        then = text(language, "mail.payment_failed.plan")
    elif was is None or retry_at is None:
        then = text(language, "mail.payment_failed.no_retry", email=merchant.email)
    else:
        date = formats.day(retry_at, was.zone, language)
        then = text(language, "mail.payment_failed.retry", date=date)
    letter = Letter(
        subject=text(language, "mail.payment_failed.subject", **words),
        title=text(language, "mail.payment_failed.title"),
        opening=(text(language, "mail.payment_failed.text", **words),),
        paragraphs=(
            *_why(invoice, envelope, over=over),
            then,
        ),
        link=None if over else card_button(envelope, "mail.payment_failed.button"),
        cancelling=cancelling(merchant, was, language),
        purpose="payment_failed",
        words=words,
    )
    return written(letter, envelope)


def _why(invoice: Invoice, envelope: Envelope, *, over: bool) -> tuple[str, ...]:
    """Returns why a payment was declined and what its customer can do, as its gateway has it.

    Nothing is asked of them once the subscription has ended.
    """
    language, way_in = envelope.language, envelope.way_in
    if over:
        return ()
    why = wording.decline(invoice.decline_code, language, invoice.gateway)
    if way_in is None or way_in.takes_cards:
        return (why,)
    return (why, wording.changed_elsewhere(invoice.gateway, language))


def action_needed(
    envelope: Envelope, invoice: Invoice, was: Snapshot | None, url: str
) -> EmailMessage:
    """Builds the mail that the bank wants a payment confirmed, where, and until when (R-4)."""
    language = envelope.language
    words = words_of(invoice, envelope)
    until: tuple[str, ...] = ()
    if was is not None and was.retry_at is not None:
        date = formats.day(was.retry_at, was.zone, language)
        until = (text(language, "mail.action_needed.until", date=date),)
    letter = Letter(
        subject=text(language, "mail.action_needed.subject", **words),
        title=text(language, "mail.action_needed.title"),
        opening=(
            wording.by_gateway(invoice.gateway, "mail.action_needed.text", language, **words),
        ),
        paragraphs=until,
        link=(text(language, "mail.action_needed.button"), url),
        cancelling=cancelling(envelope.merchant, was, language),
        purpose="action_needed",
        words=words,
    )
    return written(letter, envelope)


def _from_merchant(template: str, values: dict[str, str], language: str) -> tuple[str, ...]:
    """Returns the merchant's own words, or the usual ones in the reader's language."""
    if template == CONFIRMATION_TEMPLATE:
        return (text(language, "mail.confirmation.order", order_id=values["order_id"]),)
    return filled(template, values)


def _lines(invoice: Invoice, envelope: Envelope) -> tuple[tuple[str, str], ...]:
    language = envelope.language
    lines = [
        (wording.line(line, language), formats.money(line.amount, language))
        for line in invoice.lines
    ]
    paid_at = invoice.settled_at or invoice.opened_at
    date = formats.day(paid_at, envelope.merchant.settings.time_zone, language)
    charged = text(language, "mail.charged", date=date)
    total = charged if invoice.total else text(language, "checkout.total")
    return (*lines, (total, formats.money(invoice.total, language)))
