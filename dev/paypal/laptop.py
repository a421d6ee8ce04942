"""The loopback PayPal of `make run`: its port, its keys and its books are in DATA."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from dev import saved
from dev.paypal.answers import Json
from dev.paypal.server import Loopback
from dev.posting import delivered

ACCOUNT = "merchant_garden"
"""PayPal's own id of the demo merchant's account."""

EVENTS_TO = "/webhooks/paypal/garden"

_TRIES_AT_MOST = 25
_PAUSE = timedelta(hours=3)
"""PayPal sends an event up to 25 times over three days
(https://developer.paypal.com/api/rest/webhooks/)."""


def loopback(data: Path, clock: Callable[[], datetime]) -> tuple[Loopback, dict[str, Any]]:
    """Returns the loopback at the port that it had before, and the demo account's secrets."""
    place = data / "paypal-keys.json"
    known: dict[str, Any] = saved.read(place)
    keys = {
        "client_id": "loopback-client",
        "client_secret": known.get("client_secret", secrets.token_hex(16)),
        "webhook_id": "5WH44604YY123",
    }
    made = Loopback(clock, place=data / "paypal.json", port=known.get("port", 0), **keys)
    made.bind()
    kept = {**keys, "port": made.port}
    if kept != known:
        saved.write(place, kept)
    return made, keys


class Webhooks:
    """Delivers signed events; a source that `make run`'s worker drains."""

    def __init__(self, paypal: Loopback, base_url: str) -> None:
        self._paypal = paypal
        self._url = f"{base_url}{EVENTS_TO}"

    def deliver(self, tally: Any = None) -> int:
        """Sends what is due; returns how much that was."""
        now = self._paypal.clock()
        due = [e for e in list(self._paypal.books.untold) if datetime.fromisoformat(e["at"]) <= now]
        for each in due:
            event = next(e for e in self._paypal.books.events if e["id"] == each["event"])
            arrived = self._post(event)
            with self._paypal.changing() as books:
                books.untold.remove(each)
                if not arrived and each["tries"] < _TRIES_AT_MOST:
                    at = (now + _PAUSE).isoformat()
                    books.untold.append({**each, "at": at, "tries": each["tries"] + 1})
        return len(due)

    def retry_at(self) -> datetime | None:
        """Returns when there is something to send."""
        waiting = list(self._paypal.books.untold)
        return min((datetime.fromisoformat(each["at"]) for each in waiting), default=None)

    def _post(self, event: Json) -> bool:
        body, headers = self._paypal.deliver(event)
        return delivered(self._url, body, headers)
