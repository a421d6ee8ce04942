"""The loopback's HTTP: addresses, sign-in, PayPal-Request-Id, the buyer's page, faults."""

from __future__ import annotations

import copy
import json
import re
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from urllib.parse import parse_qs, urlsplit

from dev import saved
from dev.paypal import orders, vault, webhooks
from dev.paypal.answers import Answer, Json, Refusal
from dev.paypal.books import Books, decimal
from dev.paypal.routes import ROUTES, SCOPE, Asked, Exchange

KEYS_KEPT = timedelta(hours=6)
REQUEST_ID_MOST = 108
"""The most characters of a PayPal-Request-Id of Orders v2 and Payments v2."""


@dataclass
class Loopback:
    """A PayPal of one's own: its books, kept at `place` if that is given, and its faults.

    The faults are its own, and those that are `armed` for any gateway.
    """

    clock: Callable[[], datetime]
    client_id: str = "loopback-client"
    client_secret: str = "loopback-secret"  # noqa: S105 - made up
    webhook_id: str = "5WH44604YY123"
    watch: Callable[[Exchange], None] = lambda exchange: None
    place: Path | None = None
    port: int = 0
    armed: Callable[[], str | None] = lambda: None
    wake: Callable[[], None] = lambda: None
    books: Books = field(init=False)
    scope: tuple[str, ...] = SCOPE
    faults: list[tuple[str, str]] = field(default_factory=list)
    _kept: dict[tuple[str, str, str], tuple[datetime, Answer]] = field(default_factory=dict)
    _tokens: set[str] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)
    _server: ThreadingHTTPServer | None = None

    def __enter__(self) -> Loopback:
        self.bind()
        return self.start()

    def bind(self) -> None:
        """Takes the port, another one where it is taken, and reads the books."""
        loopback = self

        class Handler(_Handler):
            paypal = loopback

        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        except OSError:
            self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.books = Books(self.clock, self.base_url)
        if self.place is not None:
            self.books.restore(saved.read(self.place))

    def start(self) -> Loopback:
        assert self._server is not None, "bound first"
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def stop(self) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    @contextmanager
    def changing(self) -> Iterator[Books]:
        """Yields the books under a lock, and writes them down before anybody hears of the
        change.
        """
        with self._lock:
            yield self.books
            if self.place is not None:
                saved.write(self.place, self.books.saved())

    def fail(self, kind: str, count: int = 1, *, method: str = "") -> None:
        """Makes the next calls of the API, or of one method, fail.

        They time out before or after their effect, are refused (429), not allowed (403), or break
        (500).
        """
        assert kind in {"timeout_before", "timeout_after", "too_many", "forbidden", "broken"}
        self.faults += [(kind, method)] * count

    def _fault(self, asked: Asked) -> str | None:
        if not self.faults:
            armed = self.armed()
            return "broken" if armed == "unavailable" else armed
        if self.faults[0][1] not in {"", asked.method}:
            return None
        return self.faults.pop(0)[0]

    def respond(self, asked: Asked) -> Answer | None:
        """Returns the response of the API; None where the connection is cut instead."""
        if asked.path == "/v1/oauth2/token":
            return self._sign_in(asked)
        if asked.headers.get("authorization", "").removeprefix("Bearer ") not in self._tokens:
            return Refusal(401, "INVALID_ACCESS_TOKEN").answer
        fault = self._fault(asked)
        if fault == "timeout_before":
            return None
        if fault == "too_many":
            return Answer(429, {"name": "RATE_LIMIT_REACHED", "message": "Too many requests."})
        if fault == "forbidden":
            return Answer(403, {"name": "NOT_AUTHORIZED", "message": "Authorization failed."})
        if fault == "broken":
            return Answer(500, {"name": "INTERNAL_SERVER_ERROR", "message": "An error."})
        if asked.method == "GET":
            with self._lock:
                answer = self._once(asked)
        else:
            with self.changing():
                answer = self._once(asked)
            self.wake()
        self.watch(Exchange(asked, answer))
        return None if fault == "timeout_after" else answer

    def _once(self, asked: Asked) -> Answer:
        """Returns the same response to the same PayPal-Request-Id for 6 hours.

        It is 200 where it was 201 but for refunds, of which that is not described.
        """
        key = (asked.method, asked.path, asked.headers.get("paypal-request-id", ""))
        kept = self._kept.get(key)
        if key[2] and kept is not None and self.clock() - kept[0] < KEYS_KEPT:
            answer = kept[1]
            again = answer.status == 201 and not asked.path.endswith("/refund")
            return Answer(200 if again else answer.status, answer.body)
        answer = copy.deepcopy(self._answer(asked))
        if key[2]:
            self._kept[key] = (self.clock(), answer)
        return answer

    def _answer(self, asked: Asked) -> Answer:
        for method, pattern, call in ROUTES:
            match = re.fullmatch(pattern, asked.path)
            if match and method == asked.method:
                try:
                    _check_request_id(asked)
                    return call(self.books, asked, match[1])
                except Refusal as refusal:
                    return refusal.answer
        return Refusal(404, "INVALID_RESOURCE_ID").answer

    def _sign_in(self, asked: Asked) -> Answer:
        given = asked.headers.get("authorization", "").removeprefix("Basic ")
        expected = f"{self.client_id}:{self.client_secret}".encode()
        if b64decode(given + "===") != expected or b"client_credentials" not in asked.raw:
            return Answer(401, {"error": "invalid_client"})
        token = f"A21AA-{len(self._tokens)}"
        self._tokens.add(token)
        granted = {"token_type": "Bearer", "expires_in": 32400, "scope": " ".join(self.scope)}
        return Answer(200, {"access_token": token, **granted})

    def sign_everybody_out(self) -> None:
        """Ends access tokens before their time, as may happen."""
        self._tokens = {f"A21AA-ended-{number}" for number in range(len(self._tokens))}

    def deliver(self, event: Json) -> tuple[bytes, dict[str, str]]:
        """Returns a signed event, to be handed to a webhook whenever and as often as one likes."""
        return webhooks.sent(self.books, event, self.webhook_id)

    def buyer(self, approval: str, name: str = "pays") -> str:
        """Approves as a buyer on the page at the address `approval`.

        Returns where they are sent to.
        """
        query = parse_qs(urlsplit(approval).query)
        if "token" in query:
            (order,) = query["token"]
            self.books.order(order)["status"] = "APPROVED"
            self.books.note("CHECKOUT.ORDER.APPROVED", "checkout-order", self.books.orders[order])
            return str(self.books.setups[order]["return_url"])
        (setup,) = query["approval_session_id"]
        return vault.approve(self.books, setup, name)

    def refund_elsewhere(self, reference: str, amount_minor: int) -> str:
        """Refunds a payment as the merchant on PayPal's own pages; returns the refund's id."""
        order = self.books.orders[reference.partition(".")[0]]
        (capture,) = order["purchase_units"][0]["payments"]["captures"]
        amount = decimal(amount_minor, capture["amount"])
        made = orders.refund(self.books, capture["id"], {"amount": amount}).body
        assert made is not None, "what was refunded is shown"
        return str(made["id"])

    def update_agreement(self, token: str) -> None:
        """Sends an event that something about an agreement has changed."""
        vault.update_payment(self.books, token)

    def send_back(self, reference: str, refund: str) -> None:
        """Fails a refund of a payment at the buyer's bank."""
        orders.send_back(self.books, refund)

    def charges(self) -> list[Json]:
        """Returns what really happened to the money, in CONTRACT.md's shape."""
        return [{k: v for k, v in c.items() if k != "order"} for c in self.books.charges]


def _check_request_id(asked: Asked) -> None:
    """Refuses an id that is too long, and an attempt to move money without one."""
    key = asked.headers.get("paypal-request-id")
    if not asked.path.startswith("/v3/"):  # Vault v3 takes ids of any length.
        orders.check_length(key, REQUEST_ID_MOST)
    if asked.path.endswith("/capture") and "payment_source" in asked.body and key is None:
        raise Refusal(400, "PAYPAL_REQUEST_ID_REQUIRED")


class _Handler(BaseHTTPRequestHandler):
    paypal: Loopback
    protocol_version = "HTTP/1.1"
    timeout = 30
    # Headers and body leave in one packet; otherwise each answer waits for an acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        if urlsplit(self.path).path in {"/agreements/approve", "/checkoutnow"}:
            self._page()
        else:
            self._api("GET")

    def do_POST(self) -> None:
        if urlsplit(self.path).path in {"/agreements/approve", "/checkoutnow"}:
            self._approved()
        else:
            self._api("POST")

    def do_DELETE(self) -> None:
        self._api("DELETE")

    def do_PATCH(self) -> None:
        self._api("PATCH")

    def log_message(self, *words: object) -> None:
        """Logs nothing."""

    def _raw(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _api(self, method: str) -> None:
        raw = self._raw()
        parts = urlsplit(self.path)
        try:
            body = json.loads(raw) if raw.startswith(b"{") else {}
        except ValueError:
            body = {}
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        asked = Asked(method, parts.path, query, headers, raw, body)
        answer = self.paypal.respond(asked)
        if answer is None:
            self.close_connection = True
            return
        content = b"" if answer.body is None else json.dumps(answer.body).encode()
        self._send(answer.status, content, "application/json")

    def _page(self) -> None:
        names = "".join(
            f'<button name="buyer" value="{escape(name)}">{escape(name)}</button> '
            for name in self.paypal.books.buyers
        )
        words = "Agree and continue as a buyer who"
        page = f'<!doctype html><title>PayPal (loopback)</title><form method="post"><p>{words}</p>{names}</form>'  # noqa: E501
        self._send(200, page.encode(), "text/html; charset=utf-8")

    def _approved(self) -> None:
        chosen = parse_qs(self._raw().decode()).get("buyer", ["pays"])[0]
        with self.paypal.changing():
            place = self.paypal.buyer(self.path, chosen)
        self.paypal.wake()
        self.send_response(303)
        self.send_header("Location", place)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, status: int, content: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
