"""Signed events on their way to us: prompt, or late, twice, out of order and lost on demand.

https://docs.stripe.com/webhooks: retried for three days, with growing pauses, until a 2xx.
"""

import hashlib
import hmac
import json
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dev.posting import delivered
from dev.stripe import events, webhook_endpoints
from dev.stripe.books import Row
from dev.stripe.service import Account, Service
from dev.stripe.work import Work, public

_PAUSES = tuple(
    timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 300, 600, 720, 720, 720, 720)
)
"""Between the tries; after the last one an event stays undelivered, and can only be listed."""


@dataclass
class Manner:
    """The manner in which events are delivered from now on.

    `lose` is how many of the next ones never arrive.
    """

    hold: bool = False
    times: int = 1
    reverse: bool = False
    lose: int = 0


class Webhooks:
    """Delivers what is due by the gateway's clock; a source that `make run`'s worker drains."""

    def __init__(self, service: Service) -> None:
        self.manner = Manner()
        self._service = service
        self._delivering = threading.Lock()

    def deliver(self, tally: Any = None) -> int:
        """Carries out and sends all that is due; returns how much that was."""
        with self._delivering:
            happened = self._happen()
            return happened + (0 if self.manner.hold else self._send_due())

    def retry_at(self) -> datetime | None:
        """Returns when there is something to do again."""
        rows = self._rows("_later")
        if not self.manner.hold:
            rows += self._rows("_delivery")
        return min((datetime.fromisoformat(row["at"]) for row in rows), default=None)

    def _happen(self) -> int:
        due = self._due("_later")
        for row in due:
            with self._service.execution:
                work = self._service.working(row["account"])
                events.happen(work, row["action"], row["subject"])
                work.remove(row["id"])
                work.commit()
        return len(due)

    def _send_due(self) -> int:
        due = self._due("_delivery")
        if self.manner.reverse:
            due.reverse()
        for _ in range(self.manner.times):
            for row in due:
                self._send(row)
        return len(due)

    def _send(self, row: Row) -> None:
        account = self._service.accounts[row["account"]]
        work = self._service.working(account.id)
        event = work.find("event", row["event"])
        lost = self.manner.lose > 0
        if lost:
            self.manner.lose -= 1
        arrived = not lost and event is not None and _posted(work, account, public(event))
        with self._service.execution:
            self._note(self._service.working(account.id), row, arrived=arrived, lost=lost)

    def _note(self, work: Work, row: Row, *, arrived: bool, lost: bool) -> None:
        tries = row["tries"] + 1
        if arrived or lost or tries > len(_PAUSES):
            work.remove(row["id"])
        elif (standing := work.find("_delivery", row["id"])) is not None:
            at = work.now + _PAUSES[tries - 1]
            work.put(standing | {"tries": tries, "at": at.isoformat()})
        if arrived and (event := work.find("event", row["event"])) is not None:
            work.put(event | {"pending_webhooks": 0})
        work.commit()

    def _due(self, kind: str) -> list[Row]:
        now = self._service.clock()
        return [row for row in self._rows(kind) if datetime.fromisoformat(row["at"]) <= now]

    def _rows(self, kind: str) -> list[Row]:
        """Returns the rows, oldest first."""
        return list(self._service.books.newest_first("", kind))[::-1]


def signature(payload: bytes, secrets: tuple[str, ...], seconds: int) -> str:
    """Returns the Stripe-Signature header: one v1 for each secret, two while one replaces
    another.
    """
    signed = f"{seconds}.".encode() + payload
    signatures = (hmac.new(s.encode(), signed, hashlib.sha256).hexdigest() for s in secrets)
    return ",".join([f"t={seconds}", *(f"v1={each}" for each in signatures)])


def _posted(work: Work, account: Account, event: dict[str, Any]) -> bool:
    """Sends an event to all that listen; returns whether it arrived everywhere."""
    made = webhook_endpoints.listening(work, event["type"])
    places: list[tuple[str, tuple[str, ...]]] = [(e["url"], (e["_secret"],)) for e in made]
    if account.webhook_url is not None and event["type"] in events.LISTENED:
        places.append((account.webhook_url, account.webhook_secrets))
    arrived = [_post(url, secrets, event, work.seconds) for url, secrets in places]
    return all(arrived)


def _post(url: str, secrets: tuple[str, ...], event: dict[str, Any], seconds: int) -> bool:
    payload = json.dumps(event, indent=2).encode()
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Stripe-Signature": signature(payload, secrets, seconds),
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
    }
    return delivered(url, payload, headers)
