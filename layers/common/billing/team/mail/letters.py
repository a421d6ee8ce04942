"""The mails of a team: an invitation, a removal, another role, a sign-in (M-9)."""

from __future__ import annotations

from email.message import EmailMessage

from billing.render.mails import Envelope, Letter, written
from billing.render.messages import text


def letter(envelope: Envelope, what: str, url: str, **words: str) -> EmailMessage:
    """Builds the mail about one of the events of a team, with its link."""
    language = envelope.language
    built = Letter(
        subject=text(language, f"mail.team.{what}.subject", **words),
        title=text(language, f"mail.team.{what}.title", **words),
        opening=(text(language, f"mail.team.{what}.text", **words),),
        link=(text(language, f"mail.team.{what}.button"), url),
    )
    return written(built, envelope)
