"""Mails about a charge that is to come (R-8)."""

from __future__ import annotations

from email.message import EmailMessage

from billing.kernel.snapshots import Snapshot
from billing.render import formats
from billing.render.mails import (
    Envelope,
    Letter,
    about_subscription,
    cancelling,
    next_payment,
    written,
)
from billing.render.messages import text


def renewal_upcoming(envelope: Envelope, was: Snapshot) -> EmailMessage:
    """Builds the mail with the next charge and its date, and how to cancel before it."""
    return _to_come(envelope, was, "renewal_upcoming")


def trial_ending(envelope: Envelope, was: Snapshot) -> EmailMessage:
    """Builds the mail that the trial ends, with the charge that follows, and how to cancel before
    it."""
    return _to_come(envelope, was, "trial_ending")


def _to_come(envelope: Envelope, was: Snapshot, kind: str) -> EmailMessage:
    assert was.next_charge_at is not None, "told of because it is to come"
    language = envelope.language
    date = formats.day(was.next_charge_at, was.zone, language)
    words = {"product": was.product_name, "date": date, "merchant": envelope.merchant.name}
    letter = Letter(
        subject=text(language, f"mail.{kind}.subject", **words),
        title=text(language, f"mail.{kind}.title"),
        opening=(text(language, f"mail.{kind}.text", **words),),
        paragraphs=next_payment(was, envelope),
        cancelling=cancelling(envelope.merchant, was, language),
        purpose=kind,
        words=words,
    )
    return written(letter, envelope)


def imported(envelope: Envelope, was: Snapshot) -> EmailMessage:
    """Writes the mail about a subscription that was moved here: what stays, what comes (M-6)."""
    return about_subscription(envelope, was, "imported")
