"""Mails about what is to come: a charge, a price, the end of a discount or a pause (R-8, X-12)."""

from __future__ import annotations

from datetime import datetime
from email.message import EmailMessage

from billing.kernel.money import Money
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


def renewal_prescribed(envelope: Envelope, was: Snapshot) -> EmailMessage:
    """Builds the same mail where a region asks for it: the last day to cancel stands in a box of
    its own, as French law wants (art. L. 215-1 code de la consommation)."""
    assert was.next_charge_at is not None, "told of because it is to come"
    last_day = formats.day_before(was.next_charge_at, was.zone, envelope.language)
    box = text(envelope.language, "mail.renewal_upcoming.last_day", date=last_day)
    return _to_come(envelope, was, "renewal_upcoming", box)


def trial_ending(envelope: Envelope, was: Snapshot) -> EmailMessage:
    """Builds the mail that the trial ends, with the charge that follows, and how to cancel before
    it."""
    return _to_come(envelope, was, "trial_ending")


def promotion_ending(envelope: Envelope, was: Snapshot, ends_at: datetime) -> EmailMessage:
    """Builds the mail that a discount ends, and what is paid without it (X-12)."""
    words = {"amount": formats.money(was.renewing_terms.price, envelope.language)}
    return _about(envelope, was, "promotion_ending", ends_at, words)


def yearly_reminder(envelope: Envelope, was: Snapshot) -> EmailMessage:
    """Builds the mail that reminds once a year of a subscription, and how to end it (X-12)."""
    assert was.next_charge_at is not None, "left out where nothing is charged"
    return _about(envelope, was, "yearly_reminder", was.next_charge_at, {})


def price_changing(
    envelope: Envelope, was: Snapshot, at: datetime, old: Money, new: Money, *, consent: bool
) -> EmailMessage:
    """Builds the mail with both prices, and the right to cancel or to keep the old one (X-12)."""
    language = envelope.language
    words = {"old": formats.money(old, language), "new": formats.money(new, language)}
    dated = {**words, "date": formats.day(at, was.zone, language)}
    choice = text(language, f"mail.price_changing.{'consent' if consent else 'free'}", **dated)
    button = None
    if envelope.way_in is not None:
        button = (text(language, "mail.price_changing.button"), envelope.way_in.url)
    return _about(envelope, was, "price_changing", at, words, (choice,), button)


def price_kept(envelope: Envelope, was: Snapshot) -> EmailMessage:
    """Builds the mail that an announced price was taken back (X-12)."""
    words = {"old": formats.money(was.terms.price, envelope.language)}
    return _about(envelope, was, "price_kept", envelope.at, words)


def pause_ending(envelope: Envelope, was: Snapshot, ends_at: datetime) -> EmailMessage:
    """Builds the mail that a pause ends, with the payment that follows (X-11)."""
    return _about(envelope, was, "pause_ending", ends_at, {})


def _about(
    envelope: Envelope,
    was: Snapshot,
    kind: str,
    at: datetime,
    more: dict[str, str],
    paragraphs: tuple[str, ...] = (),
    link: tuple[str, str] | None = None,
) -> EmailMessage:
    """Builds a mail in words of our own, which no merchant changes: a region may ask for them."""
    language = envelope.language
    date = formats.day(at, was.zone, language)
    words = {"product": was.product_name, "date": date, "merchant": envelope.merchant.name, **more}
    letter = Letter(
        subject=text(language, f"mail.{kind}.subject", **words),
        title=text(language, f"mail.{kind}.title"),
        opening=(text(language, f"mail.{kind}.text", **words),),
        paragraphs=(*paragraphs, *next_payment(was, envelope)),
        cancelling=cancelling(envelope.merchant, was, language),
        link=link,
    )
    return written(letter, envelope)


def _to_come(envelope: Envelope, was: Snapshot, kind: str, box: str = "") -> EmailMessage:
    assert was.next_charge_at is not None, "told of because it is to come"
    language = envelope.language
    date = formats.day(was.next_charge_at, was.zone, language)
    words = {"product": was.product_name, "date": date, "merchant": envelope.merchant.name}
    letter = Letter(
        subject=text(language, f"mail.{kind}.subject", **words),
        title=text(language, f"mail.{kind}.title"),
        opening=(text(language, f"mail.{kind}.text", **words),),
        box=box,
        paragraphs=next_payment(was, envelope),
        cancelling=cancelling(envelope.merchant, was, language),
        purpose=kind,
        words=words,
    )
    return written(letter, envelope)


def imported(envelope: Envelope, was: Snapshot) -> EmailMessage:
    """Writes the mail about a subscription that was moved here: what stays, what comes (M-6)."""
    return about_subscription(envelope, was, "imported")
