"""Keeps the proof of a notice that a region asks for: its text, to whom, when (X-12)."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from email.message import EmailMessage

from billing.kernel.errors import Conflict
from billing.kernel.outbox_events import OutboxEvent
from billing.kernel.ports import Ports
from billing.kernel.writes import Insert
from billing.notices import records


def keep(
    ports: Ports, event: OutboxEvent, mail: EmailMessage, seen: str | None, now: datetime
) -> None:
    """Writes the proof of a mail that went out, once; other mails have none.

    `seen` is the mail service's id, None where the mail went out before and its proof could not be
    written then.
    """
    if not records.is_proved(event):
        return
    body = mail.get_body(("plain",))
    text = "" if body is None else body.get_content()
    address = str(mail["To"])
    with suppress(Conflict):  # it is there
        ports.store.commit(Insert(records.of(event, address, text, seen, now)))
