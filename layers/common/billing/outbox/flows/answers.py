"""Finds the subject of a mail by the Message-ID that an answer to it names (H-3).

SES gives a mail a Message-ID of its own. Ours stands in References, which most mail programs repeat
in an answer; some name only the id that they saw. So both are kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from email.message import EmailMessage

from billing.kernel.errors import Unavailable
from billing.kernel.ports import Ports

SUBJECT = "X-Subject-Of-Answers"
"""The header in which a flow names the subject of a mail; it is removed before sending."""

KIND = "ticket_mail"
ANSWERED_WITHIN = timedelta(days=90)

IDS_MOST = 20
"""The most Message-IDs of an answer that are looked up, the last named first."""

_ID = re.compile(r"<([0-9A-Za-z-]{32,100})@[^<>\s]{1,253}>")


def expect(mail: EmailMessage, merchant: str, subject: str) -> None:
    """Notes on a mail what an answer to it is about, for `send`."""
    mail[SUBJECT] = json.dumps({"merchant": merchant, "ticket": subject})


def send(ports: Ports, mail: EmailMessage, *, now: datetime) -> str:
    """Sends a mail, and keeps its ids if an answer is expected; returns the id that its recipient
    sees. Raises `Unavailable` if not sent.

    The id that recipients see is known only afterwards. If that one cannot be kept, the mail is not
    sent again: our own id was kept before.
    """
    subject = mail.get(SUBJECT)
    if subject is None:
        return ports.mailer.send(mail, now=now)
    del mail[SUBJECT]
    value, until = str(subject), now + ANSWERED_WITHIN
    ports.ephemeral.replace(KIND, _local_part(str(mail["Message-ID"])), value, expires_at=until)
    seen = ports.mailer.send(mail, now=now)
    with suppress(Unavailable):
        ports.ephemeral.replace(KIND, _local_part(seen), value, expires_at=until)
    return seen


def subjects(ports: Ports, merchant: str, named: str, *, now: datetime) -> Iterator[str]:
    """Yields the subjects of the mails whose Message-IDs stand in `named`, the last named first."""
    seen: set[str] = set()
    for identity in _ID.findall(named)[: -IDS_MOST - 1 : -1]:
        kept = ports.ephemeral.get(KIND, identity, now=now)
        found = json.loads(kept) if kept is not None else {}
        if found.get("merchant") == merchant and found["ticket"] not in seen:
            seen.add(found["ticket"])
            yield found["ticket"]


def _local_part(message_id: str) -> str:
    return message_id.strip("<>").partition("@")[0]
