"""Messages of a ticket, in plain text and without card numbers (H-3)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from billing.kernel.card_numbers import masked
from billing.kernel.errors import Invalid
from billing.kernel.writes import Entity

TEXT_MOST, SUBJECT_MOST, DETAIL_MOST = 5000, 150, 2000


class Author(StrEnum):
    """The author of a message; `house` is Perennial itself."""

    CUSTOMER = "customer"
    AGENT = "agent"
    HOUSE = "house"


class Message(Entity):
    """One message in plain text; `internal` is for the merchant only. `masked` is how many card
    numbers were taken out of it before it was stored."""

    id: str
    merchant: str
    ticket: str
    at: datetime
    author: Author
    text: str
    internal: bool = False
    masked: int = 0


def message(
    ticket: str, merchant: str, message_id: str, author: Author, text: str, at: datetime
) -> Message:
    """Makes a message without card numbers; raises `Invalid` for an empty or too long text."""
    message = masked(plain(text))
    if not message.text:
        raise Invalid("required", field="text")
    if len(message.text) > TEXT_MOST:
        raise Invalid("too_long", field="text", count=TEXT_MOST)
    return Message(message_id, merchant, ticket, at, author, message.text, masked=message.found)


def plain(text: str) -> str:
    """Returns text in lines as it is stored: one kind of line end, no other control characters."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    kept = ("".join(c if c.isprintable() or c == " " else " " for c in line) for line in lines)
    return "\n".join(line.rstrip() for line in kept).strip()


def line(text: str, most: int) -> str:
    """Returns one line without card numbers, cut to `most` characters."""
    return masked(" ".join(plain(text).split())).text[:most]
