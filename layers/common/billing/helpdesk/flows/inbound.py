"""Turns mail to support into tickets: a reply joins its ticket, anything else waits for
confirmation.

The sender that a mail names proves nothing. A reply counts because it names a mail that only its
reader has seen; a new request waits for the link that is mailed back, like one from the form (H-2).
"""

from __future__ import annotations

import re
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import getaddresses

from billing.customers.flows.login import digest
from billing.helpdesk.flows import draft, ticket
from billing.helpdesk.flows.open_ticket import Request
from billing.helpdesk.messages import SUBJECT_MOST, TEXT_MOST, Author
from billing.kernel.customers import is_email, normalised_email
from billing.kernel.errors import Invalid
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.values import Value
from billing.outbox.flows import answers

MOST_BYTES = 60 * 1024
MOST_PARTS = 50

_QUOTED = re.compile(r"^(>|-{2,}\s*Original Message|On .{1,200} wrote:$|_{10,}$)", re.IGNORECASE)


class Taken(Value):
    """The result of taking a mail: `replied` to a ticket, `asked` and waiting to be confirmed, or
    `ignored`, because a machine wrote it or it has no text."""

    result: str
    ticket: str | None = None


def from_mail(
    ports: Ports, merchant: Merchant, department: str, raw: bytes, *, now: datetime
) -> Taken:
    """Takes a raw mail (RFC 5322); taken twice it is one message, one request.

    Only its plain text is read. Raises `Invalid` for a mail that is too big, has no sender, or goes
    to an unknown department, `TooMany` beyond the limits: it may be handed in again later.
    """
    if len(raw) > MOST_BYTES:
        raise Invalid("mail_too_large", field="message", most=MOST_BYTES)
    mail = BytesParser(policy=policy.default).parsebytes(raw)
    assert isinstance(mail, EmailMessage), "that policy makes them"
    if _is_automatic(mail):
        return Taken("ignored")
    email, words = _sender(mail), _words(mail)
    if not words:
        return Taken("ignored")
    key = digest(f"{merchant.id}\n{_header(mail, 'message-id')}\n{words}")[:40]
    named = f"{_header(mail, 'references')} {_header(mail, 'in-reply-to')}"
    for found in answers.subjects(ports, merchant.id, named, now=now):
        asked = ticket.fresh(ports, merchant.id, found)
        if asked.reached_by(ticket.find_customer(ports, asked)).email == email:
            ticket.count_words(ports, merchant.id, found, now=now)
            ticket.reply(ports, merchant.id, found, words, author=Author.CUSTOMER, key=key, now=now)
            return Taken("replied", found)
    subject = _header(mail, "subject")[:SUBJECT_MOST] or "(no subject)"
    request = Request(
        department=department,
        email=email,
        subject=subject,
        text=words,
        key=key,
        language=merchant.settings.language_for("en"),
    )
    draft.write_mailed(ports, merchant, request, now=now)
    return Taken("asked")


def _is_automatic(mail: EmailMessage) -> bool:
    """Tests whether a machine wrote a mail: answering one would go on for ever (RFC 3834)."""
    submitted = _header(mail, "auto-submitted").lower()
    precedence = _header(mail, "precedence").lower()
    listed = any(_header(mail, name) for name in ("list-id", "list-unsubscribe"))
    return submitted not in {"", "no"} or precedence in {"bulk", "junk", "list"} or listed


def _sender(mail: EmailMessage) -> str:
    addresses = [address for _, address in getaddresses([_header(mail, "from")]) if address]
    if len(addresses) != 1 or not is_email(addresses[0]):
        raise Invalid("mail_without_sender", field="message")
    return normalised_email(addresses[0])


def _words(mail: EmailMessage) -> str:
    """Returns the writer's own text, without what is quoted below it."""
    for number, part in enumerate(mail.walk()):
        if number >= MOST_PARTS:
            break
        if part.get_content_type() == "text/plain" and not part.is_attachment():
            return _unquoted(_decoded(part))[:TEXT_MOST]
    return ""


def _decoded(part: EmailMessage) -> str:
    payload = part.get_payload(decode=True)
    raw = payload if isinstance(payload, bytes) else b""
    try:
        return raw.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:  # an unknown character set
        return raw.decode("utf-8", "replace")


def _unquoted(text: str) -> str:
    lines: list[str] = []
    for line in text.splitlines():
        if _QUOTED.match(line.strip()) or line == "-- ":
            break
        lines.append(line)
    return "\n".join(lines).strip()


def _header(mail: EmailMessage, name: str) -> str:
    """Returns a header as one line of text; one that cannot be read counts as missing."""
    try:
        return " ".join(str(mail.get(name, "")).split())
    except (ValueError, LookupError, AttributeError):
        return ""
