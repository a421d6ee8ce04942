"""The loopback as a whole: its books, its service, its webhooks and its HTTP server."""

import sys
import threading
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dev.exchange import SERVER_ERROR, Request, Response
from dev.server import Server
from dev.stripe import disputes, idempotency, payment_methods, renewals
from dev.stripe.books import Books, Row
from dev.stripe.errors import missing
from dev.stripe.faults import Faults, Source
from dev.stripe.pages import Pages
from dev.stripe.service import Account, Service
from dev.stripe.webhooks import Webhooks

_EVENTS_LISTED = timedelta(days=30)


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
        self._server = Server(port)
        self.books = Books(journal)
        self.books.compact(lambda row: _is_kept(row, clock()))
        self.port = int(self._server.server_port)
        self.url = f"http://127.0.0.1:{self.port}"
        self.service = Service(
            self.books, clock, faults if faults is not None else Faults(), self.url
        )
        self.webhooks = Webhooks(self.service)
        self._pages = Pages(self.service)
        self._server.answer = self._answer
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="stripe", daemon=True
        )

    def open_account(self, account: Account) -> None:
        """Takes an account's key from now on."""
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

    def charges(self) -> list[dict[str, Any]]:
        """Returns what really happened to the money, newest first, in CONTRACT.md's shape."""
        return [_charge(row) for row in self.books.newest_first("", "charge")]

    def open_dispute(self, charge: str, *, reason: str = "fraudulent") -> str:
        """Disputes a charge, named by its id or its PaymentIntent's; returns the dispute's id."""
        account, row = self._row("charge", charge)
        with self.service.execution:
            work = self.service.working(account)
            made = disputes.opened(work, work.load("charge", row["id"]), reason)
            work.commit()
        self.service.wake()
        return str(made["id"])

    def decide_dispute(self, dispute: str, outcome: str) -> None:
        """Decides a dispute as the bank: won or lost."""
        account, row = self._row("dispute", dispute)
        with self.service.execution:
            work = self.service.working(account)
            disputes.decided(work, work.load("dispute", row["id"]), outcome)
            work.commit()
        self.service.wake()

    def renew_card(self, method: str, *, last4: str, month: int, year: int) -> None:
        """Renews a saved card, as its network does."""
        account, row = self._row("payment_method", method)
        with self.service.execution:
            work = self.service.working(account)
            found = work.load("payment_method", row["id"])
            payment_methods.replace_by_bank(work, found, last4, month, year)
            work.commit()
        self.service.wake()

    def renew(self) -> None:
        """Does what time has made due on subscriptions: begins periods, charges, ends."""
        for account in self.service.accounts:
            rows = list(self.books.newest_first(f"{account}/", "subscription"))
            for row in reversed(rows):
                with self.service.execution:
                    work = self.service.working(account)
                    due = renewals.due_at(work, row)
                    if due is not None and due <= work.seconds:
                        renewals.pass_over(work, row["id"])
                        work.commit()
        self.service.wake()

    def _row(self, kind: str, identifier: str) -> tuple[str, Row]:
        for account in self.service.accounts:
            for row in self.books.newest_first(f"{account}/", kind):
                if identifier in (row["id"], row.get("payment_intent")):
                    return account, row
        raise missing(kind, identifier)

    def __enter__(self) -> "Loopback":
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def _answer(self, request: Request) -> Response:
        try:
            if request.path.startswith("/v1/"):
                return self.service.answer(request)
            return self._pages.answer(request)
        except Exception:
            traceback.print_exc(file=sys.stderr)
            return SERVER_ERROR


def _is_kept(row: Row, now: datetime) -> bool:
    """Returns whether a row is kept: keys for a day, events for a month, all else for ever."""
    if row["object"] == "_idempotency":
        return idempotency.is_kept(row, now)
    if row["object"] == "event":
        return now - datetime.fromtimestamp(row["created"], UTC) < _EVENTS_LISTED
    return True


def _charge(charge: Row) -> dict[str, Any]:
    status = "succeeded" if charge["status"] == "succeeded" else "declined"
    return {
        "id": charge["id"],
        "gateway": "stripe",
        "invoice": charge["metadata"].get("invoice"),
        "amount": {"amount": charge["amount"], "currency": charge["currency"].upper()},
        "refunded": charge["amount_refunded"],
        "status": "refunded" if charge["refunded"] else status,
        "at": charge["_at"].replace("+00:00", "Z"),
    }
