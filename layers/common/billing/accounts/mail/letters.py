"""Mails about an account: links, changes, its end and its return (A-6 .. A-8)."""

from __future__ import annotations

from datetime import datetime
from email.message import EmailMessage

from billing.render import formats
from billing.render.mails import Envelope, Letter, written
from billing.render.messages import text


def reset(envelope: Envelope, url: str) -> EmailMessage:
    """Builds the mail with a link that sets a new password once (A-8)."""
    return _letter(envelope, "reset", url)


def confirm_email(envelope: Envelope, url: str, *, new: str) -> EmailMessage:
    """Builds the mail to either address of an email change, with the link that confirms it
    (A-8)."""
    return _letter(envelope, "confirm_email", url, new=new)


def ended(envelope: Envelope, url: str, erased_at: datetime | None) -> EmailMessage:
    """Builds the mail that the account is not active: until when data is kept, and how to return
    (A-6, A-7)."""
    zone = envelope.merchant.settings.time_zone
    if erased_at is None:
        return _letter(envelope, "inactive", url)
    return _letter(envelope, "ended", url, date=formats.day(erased_at, zone, envelope.language))


def account_changed(envelope: Envelope, kind: str, url: str) -> EmailMessage:
    """Builds the mail that says what was done or asked, with a link to the account."""
    return _letter(envelope, kind, url)


def _letter(envelope: Envelope, kind: str, url: str, **more: str) -> EmailMessage:
    language = envelope.language
    words = {"merchant": envelope.merchant.name, "email": envelope.merchant.email, **more}
    letter = Letter(
        subject=text(language, f"mail.account.{kind}.subject", **words),
        title=text(language, f"mail.account.{kind}.title", **words),
        opening=(text(language, f"mail.account.{kind}.text", **words),),
        link=(text(language, f"mail.account.{kind}.button"), url),
    )
    return written(letter, envelope)
