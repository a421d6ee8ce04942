"""SES's own treatment of raw mail: it refuses some, and sends others under headers of its own.

The laptop's mailbox and the tests' mailer use it, so that neither is kinder than SES. The rules are
those of SES's developer guide ("header fields", "quotas", "sending raw email") and of `SendEmail`.
"""

import re
from collections.abc import Mapping
from copy import copy
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

MOST_BYTES = 40 * 2**20
"""The largest message, attachments in base64 included."""

MOST_RECIPIENTS = 50
LONGEST_LINE = 998
"""Octets of a line without its line end (RFC 5322, 2.1.1)."""

_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")
_ONCE = ("From", "To", "Reply-To", "Subject", "Date", "Message-ID", "References", "In-Reply-To")


class MessageRejected(ValueError):
    """A message that SES would not take: a bug of its sender."""


def seen_as(message_id: str, region: str) -> str:
    """Returns the Message-ID that recipients see, without brackets, of an id that SES answered."""
    host = "email" if region == "us-east-1" else region
    return f"{message_id}@{host}.amazonses.com"


def delivered(message: EmailMessage, seen: str, now: datetime) -> EmailMessage:
    """Returns a message as its recipient gets it: SES replaces its Message-ID and its Date."""
    arrived = copy(message)
    for name, value in (("Message-ID", f"<{seen}>"), ("Date", now)):
        del arrived[name]
        arrived[name] = value
    return arrived


def check(message: EmailMessage, tags: Mapping[str, str]) -> None:
    """Raises `MessageRejected` for what SES refuses of a raw message or its tags."""
    raw = message.as_bytes(policy=SMTP)
    if len(raw) > MOST_BYTES:
        raise MessageRejected(f"{len(raw)} bytes")
    if not raw.partition(b"\r\n\r\n")[0].isascii():
        raise MessageRejected("a header with an octet that is not ASCII")
    if any(len(line) > LONGEST_LINE for line in raw.split(b"\r\n")):
        raise MessageRejected(f"a line of more than {LONGEST_LINE} octets")
    if any(len(message.get_all(name, [])) > 1 for name in _ONCE):
        raise MessageRejected("a header twice")
    if not all(map(_TAG.fullmatch, [*tags, *tags.values()])):
        raise MessageRejected(f"the tags {tags}")
    _check_addresses(message)


def _check_addresses(message: EmailMessage) -> None:
    recipients = [each for name in ("To", "Cc", "Bcc") for each in _addresses(message, name)]
    if not 0 < len(recipients) <= MOST_RECIPIENTS:
        raise MessageRejected(f"{len(recipients)} recipients")
    if not all(each.addr_spec.isascii() for each in [*recipients, *_addresses(message, "From")]):
        raise MessageRejected("an address beyond ASCII: SES has no SMTPUTF8")


def _addresses(message: EmailMessage, name: str) -> tuple[Address, ...]:
    header = message[name]
    return () if header is None else tuple(header.addresses)
