"""One answer per Idempotency-Key: a repeated POST is answered as the first was, for 24 hours (M-3).

Kept are answers of requests that came to an end: those that succeeded, and those refused for a
reason that asking again does not change. A request that broke, or is under way, leaves nothing
behind: the same key runs it again, and what it names (a refund, a ticket, a message) is the same
one. So a 503 is never kept, nor an answer that could not be kept: it is given, and its key is free
after a minute.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256, shake_256
from typing import Any

from billing.kernel.errors import Conflict, Invalid, TooMany, Unavailable
from billing.kernel.ports import Ports
from billing.kernel.values import Value
from billing.web import http, problems
from billing.web.request import Request

KIND = "idempotency"
HEADER = "idempotency-key"
LONGEST_KEY = 255
KEPT = timedelta(hours=24)

RUNNING = timedelta(seconds=60)
"""The time for which a running request holds its key, longer than any request may take.

The key of one that was killed is free again after it.
"""

TRANSIENT = (Conflict, TooMany)
MOST_KEPT = 300_000
"""The longest answer that is kept, in bytes: an item has 400,000 at most.

A longer one, a long thread's, is made anew by the same request, whose key names its result.
"""
UNFINISHED = 202
"""The status of an unfinished answer: the same request asks for its status, and is answered
anew."""


class Once(Value):
    """One merchant's key for one address.

    `sealed` names a field of the answer that must not be stored readable, `bearer` is the caller's
    secret that opens it again.
    """

    place: str
    fingerprint: str
    bearer: str
    sealed: str | None = None

    @classmethod
    def of(
        cls, request: Request, merchant: str, bearer: str, sealed: str | None = None
    ) -> Once | None:
        """Reads the request's Idempotency-Key; None if it has none."""
        key = request.headers.get(HEADER)
        if key is None:
            return None
        if not 1 <= len(key) <= LONGEST_KEY or not (key.isascii() and key.isprintable()):
            raise Invalid("idempotency_key_malformed", field="Idempotency-Key")
        # A sealed secret is shown again only to the caller who got it first.
        owner = f"{merchant}\n{bearer if sealed else ''}"
        place = sha256(f"{owner}\n{request.path}\n{key}".encode()).hexdigest()
        # With a file as the body, what else is asked for stands in the query string.
        asked = f"{request.raw_query}\n{request.body}" if request.raw_query else request.body
        return cls(place, sha256(asked.encode()).hexdigest(), bearer, sealed)

    def answer(
        self, ports: Ports, request: Request, now: datetime, run: Callable[[], http.Answer]
    ) -> http.Answer:
        """Returns the answer of `run`, or the one that the same request got before.

        Raises `Invalid` for a key that another body used, `Conflict` while the first is running.
        """
        running = json.dumps({"fingerprint": self.fingerprint})
        ephemeral = ports.ephemeral
        if not ephemeral.put(KIND, self.place, running, expires_at=now + RUNNING, now=now):
            return self._again(ephemeral.get(KIND, self.place, now=now))
        try:
            given = run()
        except Exception as error:
            if isinstance(error, TRANSIENT) or problems.status_of(error) >= 500:
                with suppress(Unavailable):
                    ephemeral.take(KIND, self.place, now=now)
                raise
            given = http.failure(error, request)
        kept = http.dumps(self._kept(given))
        with suppress(Unavailable):  # The answer is given whether it could be kept or not.
            if given.status_code == UNFINISHED or len(kept.encode()) > MOST_KEPT:
                ephemeral.take(KIND, self.place, now=now)
            else:
                ephemeral.replace(KIND, self.place, kept, expires_at=now + KEPT)
        return given

    def _kept(self, given: http.Answer) -> dict[str, Any]:
        body = json.loads(str(given.body))
        if self.sealed in body:
            body[self.sealed] = self._crossed(body[self.sealed].encode()).hex()
        return {"fingerprint": self.fingerprint, "status": given.status_code, "body": body}

    def _again(self, stored: str | None) -> http.Answer:
        kept: dict[str, Any] = (
            json.loads(stored) if stored is not None else {"fingerprint": self.fingerprint}
        )
        if kept["fingerprint"] != self.fingerprint:
            raise Invalid(
                "idempotency_key_reused", field="Idempotency-Key", code="idempotency_key_reused"
            )
        if "status" not in kept:
            raise Conflict(code="request_running")
        status, body = kept["status"], kept["body"]
        if self.sealed in body:
            body[self.sealed] = self._crossed(bytes.fromhex(body[self.sealed])).decode()
        kind = http.PROBLEM if status >= 400 else http.JSON
        return http.answer(status, kind, http.dumps(body), {"Idempotent-Replayed": "true"})

    def _crossed(self, text: bytes) -> bytes:
        # A one-time pad: each place has one of its own, which only the caller's secret makes.
        pad = shake_256(f"{self.bearer}\n{self.place}".encode()).digest(len(text))
        return bytes(a ^ b for a, b in zip(text, pad, strict=True))
