"""The loopback as a whole: its books, its service, its webhooks and its HTTP server."""

import sys
import threading
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from dev.exchange import SERVER_ERROR, Request, Response
from dev.server import Server
from dev.stripe import idempotency
from dev.stripe.books import Books, Row
from dev.stripe.faults import Faults, Source
from dev.stripe.service import Account, Service


def _real_now() -> datetime:
    return datetime.now(UTC)


class Loopback:
    """A Stripe on 127.0.0.1.

        with Loopback() as stripe:
            stripe.open_account(Account("acct_1", "sk_test_1"))
            client = StripeClient("sk_test_1", base_addresses={"api": stripe.url})

    Without a journal it keeps everything in memory; with one, across restarts and kills.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        clock: Callable[[], datetime] = _real_now,
        journal: Path | None = None,
        faults: Source | None = None,
    ) -> None:
        self.books = Books(journal)
        self.books.compact(lambda row: _is_kept(row, clock()))
        self._server = Server(port)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.service = Service(
            self.books, clock, faults if faults is not None else Faults(), self.url
        )
        self._server.answer = self._answer
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="stripe", daemon=True
        )

    def open_account(self, account: Account) -> None:
        """Take an account's key from now on."""
        self.service.open_account(account)

    def start(self) -> "Loopback":
        self._server.server_activate()
        self._thread.start()
        return self

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()
        self.books.close()

    def __enter__(self) -> "Loopback":
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def _answer(self, request: Request) -> Response:
        try:
            return self.service.answer(request)
        except Exception:
            traceback.print_exc(file=sys.stderr)
            return SERVER_ERROR


def _is_kept(row: Row, now: datetime) -> bool:
    return row["object"] != "_idempotency" or idempotency.is_kept(row, now)
