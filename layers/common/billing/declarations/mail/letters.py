"""Mails about declarations: the receipt, and the question whether it was theirs (X-10)."""

from __future__ import annotations

from datetime import UTC, datetime, time
from email.message import EmailMessage

from billing.declarations import declarations
from billing.declarations.declarations import Declaration, Declared, Kind
from billing.kernel.values import replace
from billing.render import formats
from billing.render.mails import Envelope, Letter, written
from billing.render.messages import text


def receipt(envelope: Envelope, found: Declaration, *, words: bool) -> EmailMessage:
    """Writes the receipt: what was declared, on which day and at which time.

    With `words` it has the fields that were typed, none of which a mail program can make a link of;
    without, only what was chosen, because nobody has proved that the address is the sender's.
    """
    language, what = envelope.language, _what(found)
    letter = Letter(
        subject=text(language, f"declaration.mail.{what}.subject", number=found.number),
        title=text(language, "declaration.receipt.title"),
        opening=(text(language, f"declaration.mail.{what}.text", merchant=envelope.merchant.name),),
        lines=tuple(
            (name, declarations.without_links(value))
            for name, value in fields(found, envelope.merchant.settings.time_zone, language)
            if words or name in _chosen(language)
        ),
        summed=False,
        paragraphs=(text(language, "declaration.receipt.end"),),
    )
    return written(letter, replace(envelope, to=replace(envelope.to, name="")))


def asked(envelope: Envelope, found: Declaration, url: str) -> EmailMessage:
    """Writes the question to the address on file; it repeats nothing that was typed."""
    language, what = envelope.language, _what(found)
    zone = envelope.merchant.settings.time_zone
    words = {"merchant": envelope.merchant.name, "date": formats.day(found.at, zone, language)}
    letter = Letter(
        subject=text(language, "declaration.asked.subject", **words),
        title=text(language, "declaration.answer.title"),
        opening=(text(language, f"declaration.answer.{what}", **words),),
        paragraphs=(text(language, "declaration.asked.unasked"),),
        link=(text(language, "declaration.asked.button"), url),
    )
    return written(letter, envelope)


def fields(found: Declaration, zone: str, language: str) -> list[tuple[str, str]]:
    """Returns the names and values of a declaration's fields, as its receipt shows them."""
    return [
        (text(language, "declaration.number"), found.number),
        (text(language, "declaration.received"), formats.moment(found.at, zone, language)),
        *declared_fields(found.declared, language),
    ]


def declared_fields(said: Declared, language: str) -> list[tuple[str, str]]:
    """Returns the names and values of what was declared."""
    wanted = None
    if said.wanted_on is not None:
        noon = datetime.combine(said.wanted_on, time(12), UTC)
        wanted = formats.day(noon, "UTC", language)
    rows = [
        (text(language, "declaration.kind"), text(language, f"declaration.kinds.{said.kind}")),
        (text(language, "declaration.date"), wanted or text(language, "declaration.earliest")),
        (text(language, "declaration.name"), said.name),
        (text(language, "declaration.contract"), said.contract),
        (text(language, "declaration.reason"), said.reason),
        (text(language, "declaration.contact"), said.contact),
    ]
    withdraws = said.kind is Kind.WITHDRAWAL
    return [row for n, row in enumerate(rows) if row[1] and not (withdraws and n == 1)]


def _chosen(language: str) -> set[str]:
    """Returns the names of fields that are chosen, not typed."""
    keys = ("number", "received", "kind", "date")
    return {text(language, f"declaration.{key}") for key in keys}


def _what(found: Declaration) -> str:
    return "withdraw" if found.declared.kind is Kind.WITHDRAWAL else "cancel"
