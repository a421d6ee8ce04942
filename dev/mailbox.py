"""Mail that went out, kept in DATA as its recipients get it.

The emulator's SES forgets its mail when it stops, drops attachments, knows only real time and
refuses little. So a copy is taken where the product hands a message over, after SES has accepted
it, with the headers that SES would give it.
"""

import json
import re
import threading
from copy import copy
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any, Protocol

from billing.aws import ses_mailer
from dev import ses
from dev.journey import instant_text

_FILE_NAME = re.compile(r"\d{6}\.eml")


class Mailer(Protocol):
    def send(self, message: EmailMessage, *, now: datetime) -> str: ...


class Mailbox:
    """A mailbox on disk: an index file, one line for each mail, and beside it the messages
    themselves.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._index = folder / "index.jsonl"
        self._lock = threading.Lock()
        self._count = len(self._lines())

    def keep(self, message: EmailMessage, at: datetime) -> None:
        with self._lock:
            name = f"{self._count + 1:06}.eml"
            (self._folder / name).write_bytes(message.as_bytes(policy=policy.SMTP))
            line = json.dumps({"file": name, "at": instant_text(at)})
            with self._index.open("a", encoding="utf-8") as index:
                index.write(line + "\n")
            self._count += 1

    def newest_first(self) -> list[dict[str, Any]]:
        # In the order of sending: the clock only ever moves on.
        return [self._shown(line["file"], line["at"]) for line in reversed(self._lines())]

    def raw(self, name: str) -> bytes | None:
        path = self._folder / name
        return path.read_bytes() if _FILE_NAME.fullmatch(name) and path.exists() else None

    def _lines(self) -> list[dict[str, str]]:
        if not self._index.exists():
            return []
        return [json.loads(line) for line in self._index.read_text(encoding="utf-8").splitlines()]

    def _shown(self, name: str, at: str) -> dict[str, Any]:
        message = BytesParser(policy=policy.default).parsebytes((self._folder / name).read_bytes())
        assert isinstance(message, EmailMessage)
        return {
            "to": str(message["To"]),
            "subject": str(message["Subject"]),
            "text": _body(message, "plain"),
            "html": _body(message, "html"),
            "at": at,
            "attachments": [part.get_filename() for part in message.iter_attachments()],
            "raw": f"/_dev/mail/{name}",
        }


class RecordingMailer:
    def __init__(self, mailer: Mailer, mailbox: Mailbox) -> None:
        self._mailer = mailer
        self._mailbox = mailbox

    def send(self, message: EmailMessage, *, now: datetime) -> str:
        ses.check(message, ses_mailer.take_tags(copy(message)))
        seen = self._mailer.send(message, now=now)
        self._mailbox.keep(ses.delivered(message, seen, now), now)
        return seen


def _body(message: EmailMessage, subtype: str) -> str | None:
    part = message.get_body((subtype,))
    return None if part is None else str(part.get_content()).replace("\r\n", "\n")
