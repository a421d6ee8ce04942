"""Mails of the portal: a link to enter, a changed detail, a request passed on (B-3, H-2)."""

from __future__ import annotations

from email.headerregistry import Address
from email.message import EmailMessage

from billing.render.mails import Envelope, Letter, written
from billing.render.messages import text
from billing.tickets import Ticket


def entry_link(envelope: Envelope, url: str) -> EmailMessage:
    """A link that lets its reader in once (B-3)."""
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
    """What was changed, to the address on file, so that nobody else changes it unseen (B-3)."""
    language, merchant = envelope.language, envelope.merchant
    words = {"merchant": merchant.name, "product": product or ""}
    letter = Letter(
        subject=text(language, f"mail.changed.{what}.subject", **words),
        title=text(language, f"mail.changed.{what}.title"),
        opening=(text(language, f"mail.changed.{what}.text", **words),),
        paragraphs=(text(language, "mail.changed.unasked", email=merchant.email),),
    )
    return written(letter, envelope)


def request_noted(envelope: Envelope, ticket: Ticket) -> EmailMessage:
    """To the customer: the request was passed on, with its reference (X-1, H-2)."""
    language = envelope.language
    words = {"product": ticket.product_name, "merchant": envelope.merchant.name}
    letter = Letter(
        subject=text(language, f"mail.request.{ticket.wish}.subject", **words),
        title=text(language, "mail.request.title"),
        opening=(text(language, f"mail.request.{ticket.wish}.text", **words),),
        paragraphs=(text(language, "mail.reference", reference=ticket.id),),
    )
    return written(letter, envelope)


def request_received(envelope: Envelope, ticket: Ticket) -> EmailMessage:
    """To the merchant: who asks for what, for which department; an answer goes to the customer."""
    language = envelope.language
    words = {
        "product": ticket.product_name,
        "email": ticket.email,
        "about": ticket.about,
        "department": ticket.department,
    }
    said = (ticket.reason, ticket.comment)
    letter = Letter(
        subject=text(language, f"mail.received.{ticket.wish}.subject", **words),
        title=text(language, f"mail.received.{ticket.wish}.title"),
        opening=(text(language, f"mail.received.{ticket.wish}.text", **words),),
        paragraphs=(
            *(text(language, "mail.received.said", words=words) for words in said if words),
            text(language, "mail.received.department", **words),
            text(language, "mail.reference", reference=ticket.id),
        ),
    )
    message = written(letter, envelope)
    message.replace_header("Reply-To", Address(addr_spec=ticket.email))
    return message
