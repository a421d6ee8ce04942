"""Idempotency-Key as documented: https://docs.stripe.com/api/idempotent_requests."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from dev.stripe.books import Books
from dev.stripe.errors import StripeError, invalid

KEPT = timedelta(hours=24)
_LONGEST = 255


def fingerprint(method: str, path: str, params: dict[str, Any]) -> str:
    text = json.dumps([method, path, params], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def row_id(key: str) -> str:
    return f"idempotency/{key}"


def answer_of(
    key: str, print_: str, status: int, body: Any, request: str, now: datetime
) -> dict[str, Any]:
    """Returns the row that is kept of a request that has begun, whether it succeeded or not."""
    return {
        "id": row_id(key),
        "object": "_idempotency",
        "fingerprint": print_,
        "status": status,
        "body": body,
        "request": request,
        "at": now.isoformat(),
    }


def is_kept(row: dict[str, Any], now: datetime) -> bool:
    return now - datetime.fromisoformat(row["at"]) < KEPT


class Keys:
    """The idempotency keys in flight, and the answers given to those that were used."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._in_flight: set[tuple[str, str]] = set()
        self._lock = Lock()

    def known(self, account: str, key: str, print_: str, now: datetime) -> dict[str, Any] | None:
        """Returns the answer that was given before.

        Refuses a key that was used for another request.
        """
        found = self._books.read(f"{account}/{row_id(key)}")
        if found is None or not is_kept(found[0], now):
            return None
        if found[0]["fingerprint"] != print_:
            raise StripeError(
                400,
                "Keys for idempotent requests can only be used with the same parameters they were"
                f" first used with. Try using a key other than '{key}' if you meant to execute a"
                " different request.",
                kind="idempotency_error",
                began=False,
            )
        return found[0]

    @contextmanager
    def holding(self, account: str, key: str | None) -> Iterator[None]:
        """Refuses another request with the same key while one executes."""
        if key is None:
            yield
            return
        if not 0 < len(key) <= _LONGEST:
            raise invalid(f"Idempotency-Key has 1 to {_LONGEST} characters.")
        with self._lock:
            if (account, key) in self._in_flight:
                raise StripeError(
                    409,
                    "There is currently another in-progress request using this Idempotent Key"
                    f" (that probably means you submitted twice): {key}",
                    kind="idempotency_error",
                    code="idempotency_key_in_use",
                    began=False,
                )
            self._in_flight.add((account, key))
        try:
            yield
        finally:
            with self._lock:
                self._in_flight.discard((account, key))
