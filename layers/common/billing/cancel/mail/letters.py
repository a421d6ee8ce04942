"""Mails about a subscription that ends, pauses, or goes on after all (X-5, X-7, X-11)."""

from __future__ import annotations

from email.message import EmailMessage

from billing.kernel.money import Money
from billing.kernel.snapshots import Snapshot
from billing.kernel.subscription import Source, State
from billing.render import formats
from billing.render.mails import Envelope, about_subscription
from billing.render.messages import text


def ended(envelope: Envelope, was: Snapshot, credit: Money | None) -> EmailMessage:
    """Writes the mail about a plan paid in full, or a cancelled subscription (R-7, R-8, X-7).

    `credit` is what goes back of the credit that is left, or stays; None where there is none.
    """
    unpaid = was.ended_by is Source.DUNNING
    paragraphs = (text(envelope.language, "mail.cancelled.unpaid"),) if unpaid else ()
    if was.state is State.COMPLETED:
        return about_subscription(envelope, was, "completed", paragraphs)
    return about_subscription(
        envelope, was, "cancelled", (*paragraphs, *_credit_left(envelope, credit))
    )


def cancel_requested(envelope: Envelope, was: Snapshot, credit: Money | None) -> EmailMessage:
    """Writes the mail about a cancellation at period end, with reference and date (X-7); `credit`
    as for `ended`."""
    undo = text(envelope.language, "mail.cancel_requested.undo")
    return about_subscription(
        envelope, was, "cancel_requested", (undo, *_credit_left(envelope, credit))
    )


def cancel_undone(envelope: Envelope, was: Snapshot) -> EmailMessage:
    """Writes the mail about an undone cancellation: it goes on, and the next charge (X-5)."""
    return about_subscription(envelope, was, "cancel_undone")


def paused(envelope: Envelope, was: Snapshot) -> EmailMessage:
    """Writes the mail about a pause: nothing is charged until it is resumed (X-11).

    It names the end of access, if a paid period has one, and the end of the pause.
    """
    ends = was.access_until
    opening = "unpaid" if ends is not None and ends <= envelope.at else "text"
    until: tuple[str, ...] = ()
    if was.resumes_at is not None:
        date = formats.day(was.resumes_at, was.zone, envelope.language)
        until = (text(envelope.language, "mail.paused.until", date=date),)
    return about_subscription(envelope, was, "paused", until, opening=opening)


def resumed(envelope: Envelope, was: Snapshot) -> EmailMessage:
    """Writes the mail about a resumed subscription and its next charge (X-11)."""
    return about_subscription(envelope, was, "resumed")


def _credit_left(envelope: Envelope, credit: Money | None) -> tuple[str, ...]:
    """Explains what happens to the credit of a subscription that has ended (A-4)."""
    if credit is None:
        return ()
    merchant, language = envelope.merchant, envelope.language
    amount = formats.money(credit, language)
    key = f"credit.{merchant.settings.credit_at_end}"
    return (text(language, key, amount=amount, merchant=merchant.name),)
