"""Mails of the portal: a link to enter, a changed detail (B-3)."""

from __future__ import annotations

from email.message import EmailMessage

from billing.render.mails import Envelope, Letter, written
from billing.render.messages import text


def entry_link(envelope: Envelope, url: str) -> EmailMessage:
    """Builds the mail with a link that lets its reader in once (B-3)."""
    words = {"merchant": envelope.merchant.name}
    language = envelope.language
    letter = Letter(
        subject=text(language, "mail.entry_link.subject", **words),
        title=text(language, "mail.entry_link.title"),
        opening=(text(language, "mail.entry_link.text", **words),),
        paragraphs=(text(language, "mail.entry_link.unasked"),),
        link=(text(language, "mail.entry_link.button"), url),
    )
    return written(letter, envelope)


def details_changed(envelope: Envelope, what: str, product: str | None) -> EmailMessage:
    """Builds the mail that says what was changed, to the address on file, so that nobody else
    changes it unseen (B-3)."""
    language, merchant = envelope.language, envelope.merchant
    words = {"merchant": merchant.name, "product": product or ""}
    letter = Letter(
        subject=text(language, f"mail.changed.{what}.subject", **words),
        title=text(language, f"mail.changed.{what}.title"),
        opening=(text(language, f"mail.changed.{what}.text", **words),),
        paragraphs=(text(language, "mail.changed.unasked", email=merchant.email),),
    )
    return written(letter, envelope)
