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
        purpose="entry_link",
        words=words,
    )
    return written(letter, envelope)


def entry_code(envelope: Envelope, code: str) -> EmailMessage:
    """Builds the mail with the code that the holder of a mail's link types to sign in (R-8).

    The code is not in the subject, which a locked phone shows.
    """
    language, words = envelope.language, {"merchant": envelope.merchant.name}
    letter = Letter(
        subject=text(language, "mail.entry_code.subject", **words),
        title=text(language, "mail.entry_link.title"),
        opening=(text(language, "mail.entry_code.text", code=code, **words),),
        paragraphs=(text(language, "mail.entry_code.unasked"),),
        purpose="entry_code",
        words=words,
    )
    return written(letter, envelope)


def confirm_email(envelope: Envelope, url: str, *, old: str, new: str) -> EmailMessage:
    """Builds the mail to either address of an email change, with the link that confirms it
    (B-12)."""
    words = {"merchant": envelope.merchant.name}
    language = envelope.language
    letter = Letter(
        subject=text(language, "mail.confirm_email.subject", **words),
        title=text(language, "mail.confirm_email.title"),
        opening=(text(language, "mail.confirm_email.text", old=old, new=new, **words),),
        paragraphs=(
            text(language, "mail.confirm_email.both"),
            text(language, "mail.confirm_email.unasked"),
        ),
        link=(text(language, "mail.confirm_email.button"), url),
    )
    return written(letter, envelope)


def details_changed(
    envelope: Envelope, what: str, product: str | None, portal_url: str | None
) -> EmailMessage:
    """Builds the mail that says what was changed, to the address on file, so that nobody else
    changes it unseen (B-3). `portal_url` is where its reader signs in, None in a mail elsewhere."""
    language, merchant = envelope.language, envelope.merchant
    words = {"merchant": merchant.name, "product": product or ""}
    letter = Letter(
        subject=text(language, f"mail.changed.{what}.subject", **words),
        title=text(language, f"mail.changed.{what}.title"),
        opening=(text(language, f"mail.changed.{what}.text", **words),),
        paragraphs=(text(language, "mail.changed.unasked", email=merchant.email),),
        link=(text(language, "mail.entry_link.button"), portal_url) if portal_url else None,
    )
    return written(letter, envelope)
