"""Mails that ask for another card: the present one expires, or can no longer be charged (W-6,
W-7)."""

from __future__ import annotations

from email.message import EmailMessage

from billing.kernel.customers import PaymentMethod
from billing.kernel.snapshots import Snapshot
from billing.render import formats
from billing.render.mails import (
    Envelope,
    Letter,
    about_subscription,
    card_button,
    next_payment,
    written,
)
from billing.render.messages import text


def card_expiring(envelope: Envelope, was: Snapshot, method: PaymentMethod) -> EmailMessage:
    """Builds the mail that the card which pays expires, and where to update it."""
    assert method.expires_on is not None, "told of because it expires"
    language = envelope.language
    words = {
        "product": was.product_name,
        "card": formats.means(method, language),
        "month": formats.month(method.expires_on, language),
        "email": envelope.merchant.email,
    }
    link = card_button(envelope, "mail.card_expiring.button")
    then = "portal" if link else "write"
    letter = Letter(
        subject=text(language, "mail.card_expiring.subject", **words),
        title=text(language, "mail.card_expiring.title"),
        opening=(text(language, "mail.card_expiring.text", **words),),
        paragraphs=(
            *next_payment(was, envelope),
            text(language, f"mail.card_expiring.{then}", **words),
        ),
        link=link,
        purpose="card_expiring",
        words=words,
    )
    return written(letter, envelope)


def new_card_needed(envelope: Envelope, was: Snapshot) -> EmailMessage:
    """Writes the mail that asks for a new card: nothing was declined (W-6).

    The present card can no longer be charged.
    """
    link = card_button(envelope, "mail.card_expiring.button")
    opening = "text" if link else "write"
    return about_subscription(envelope, was, "new_card_needed", opening=opening, link=link)
