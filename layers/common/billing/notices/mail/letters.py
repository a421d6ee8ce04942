"""Mails before and about a payment that needs its customer: coming renewals, expiring cards, a bank
that asks for confirmation (R-4, R-8)."""

from __future__ import annotations

from email.message import EmailMessage

from billing.kernel.customers import PaymentMethod
from billing.kernel.invoices import Invoice
from billing.kernel.snapshots import Snapshot
from billing.render import formats
from billing.render.mails import Envelope, Letter, cancelling, what_follows, words_of, written
from billing.render.messages import text


def renewal_upcoming(envelope: Envelope, was: Snapshot) -> EmailMessage:
    """Builds the mail with the next charge and its date, and how to cancel before it."""
    return _to_come(envelope, was, "renewal_upcoming")


def trial_ending(envelope: Envelope, was: Snapshot) -> EmailMessage:
    """Builds the mail that the trial ends, with the charge that follows, and how to cancel before
    it."""
    return _to_come(envelope, was, "trial_ending")


def card_expiring(
    envelope: Envelope, was: Snapshot, method: PaymentMethod, portal_url: str | None
) -> EmailMessage:
    """Builds the mail that the card which pays expires, and where to update it."""
    assert method.expires_on is not None, "told of because it expires"
    language = envelope.language
    words = {
        "product": was.product_name,
        "card": formats.means(method, language),
        "month": formats.month(method.expires_on, language),
        "email": envelope.merchant.email,
    }
    then = "portal" if portal_url else "write"
    letter = Letter(
        subject=text(language, "mail.card_expiring.subject", **words),
        title=text(language, "mail.card_expiring.title"),
        opening=(text(language, "mail.card_expiring.text", **words),),
        paragraphs=(
            *what_follows(was, envelope),
            text(language, f"mail.card_expiring.{then}", **words),
        ),
        link=(text(language, "mail.card_expiring.button"), portal_url) if portal_url else None,
    )
    return written(letter, envelope)


def action_needed(
    envelope: Envelope, invoice: Invoice, was: Snapshot | None, url: str
) -> EmailMessage:
    """Builds the mail that the bank wants a payment confirmed, where, and until when (R-4)."""
    language = envelope.language
    words = words_of(invoice, envelope)
    retry_at = None if was is None else was.retry_at
    zone = envelope.merchant.settings.time_zone
    until = (
        ()
        if retry_at is None
        else (
            text(language, "mail.action_needed.until", date=formats.day(retry_at, zone, language)),
        )
    )
    letter = Letter(
        subject=text(language, "mail.action_needed.subject", **words),
        title=text(language, "mail.action_needed.title"),
        opening=(text(language, "mail.action_needed.text", **words),),
        paragraphs=until,
        link=(text(language, "mail.action_needed.button"), url),
        cancelling=cancelling(envelope.merchant, was, language),
    )
    return written(letter, envelope)


def _to_come(envelope: Envelope, was: Snapshot, kind: str) -> EmailMessage:
    assert was.next_charge_at is not None, "told of because it is to come"
    language = envelope.language
    date = formats.day(was.next_charge_at, was.zone, language)
    words = {"product": was.product_name, "date": date}
    letter = Letter(
        subject=text(language, f"mail.{kind}.subject", **words),
        title=text(language, f"mail.{kind}.title"),
        opening=(text(language, f"mail.{kind}.text", **words),),
        paragraphs=what_follows(was, envelope),
        cancelling=cancelling(envelope.merchant, was, language),
    )
    return written(letter, envelope)
