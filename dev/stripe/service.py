"""The API service: turns a request into an object or an error.

Keys, limits, faults and idempotency are looked at here.
"""

import base64
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from billing.kernel.values import Value
from dev.exchange import CUT_OFF, Request, Response, json_response
from dev.stripe import form, idempotency, lists, webhook_endpoints
from dev.stripe.books import Books
from dev.stripe.errors import StripeError, invalid
from dev.stripe.events import LISTENED
from dev.stripe.faults import Faults, Source
from dev.stripe.idempotency import Keys
from dev.stripe.limits import Limits
from dev.stripe.routes import Endpoint, find
from dev.stripe.work import API_VERSION, Work, new_id, public


class Account(Value):
    """An account: its secret test key, and where its events go, signed with each of the secrets.

    `restricted_key` may do what `rights` names, such as `customers:read`; writing includes
    reading.
    """

    id: str
    secret_key: str
    webhook_url: str | None = None
    webhook_secrets: tuple[str, ...] = ()
    name: str | None = None
    charges_enabled: bool = True
    restricted_key: str | None = None
    rights: frozenset[str] = frozenset()


class _Call(Value):
    """A request that is allowed, known and well-formed."""

    account: Account
    endpoint: Endpoint
    names: Mapping[str, str]
    params: dict[str, Any]
    expand: list[str]
    key: str | None
    fingerprint: str
    request_id: str


@dataclass
class Service:
    """Everything behind the HTTP server. `clock` is the gateway's own."""

    books: Books
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    faults: Source = field(default_factory=Faults)
    base_url: str = ""
    latency_seconds: float = 0.0
    wake: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.limits = Limits()
        self._keys = Keys(self.books)
        self._execution = threading.Lock()

    def open_account(self, account: Account) -> None:
        self.accounts[account.id] = account

    def answer(self, request: Request) -> Response:
        """Returns the answer of one HTTP request of the API."""
        request_id = new_id("req", 14)
        try:
            response = self._answered(request, request_id)
        except StripeError as error:
            response = _error_response(error)
        if response is CUT_OFF:
            return response
        headers = [*response.headers, ("request-id", request_id), ("stripe-version", API_VERSION)]
        return Response(response.status, headers, response.body)

    def working(self, account: str, **of_request: Any) -> Work:
        """Returns a fresh unit of work; commit it while holding `execution`."""
        return Work(
            self.books,
            account,
            self.clock(),
            self.base_url,
            listens=self._listens,
            account_fields={"name": known.name, "charges_enabled": known.charges_enabled}
            if (known := self.accounts.get(account))
            else None,
            **of_request,
        )

    @property
    def execution(self) -> threading.Lock:
        """The lock under which requests execute one by one, as one PaymentIntent's do at Stripe."""
        return self._execution

    def _listens(self, work: Work, kind: str) -> bool:
        if self.accounts[work.account].webhook_url is not None and kind in LISTENED:
            return True
        return any(webhook_endpoints.listening(work, kind))

    def _answered(self, request: Request, request_id: str) -> Response:
        headers = {name.lower(): value for name, value in request.headers}
        account = self._account(headers, request)
        self.limits.check(request.method, request.path, time.monotonic())
        version = headers.get("stripe-version", API_VERSION)
        if version != API_VERSION:
            raise invalid(f"Invalid Stripe API version: {version}; there is {API_VERSION} here.")
        fault = self.faults.take()
        if fault == "unavailable":
            raise StripeError(
                503,
                "The loopback is unavailable.",
                kind="api_error",
                began=False,
                headers={"stripe-should-retry": "false"},
            )
        if fault == "timeout_before":
            return CUT_OFF
        call = self._read(request, headers, account, request_id)
        response = self._idempotent(call, fail=fault == "internal_error")
        self.wake()
        return CUT_OFF if fault == "timeout_after" else response

    def _account(self, headers: Mapping[str, str], request: Request) -> Account:
        scheme, _, credentials = headers.get("authorization", "").partition(" ")
        key = credentials
        if scheme.lower() == "basic":
            key = base64.b64decode(credentials, validate=False).decode("latin-1").partition(":")[0]
        for account in self.accounts.values():
            if key and key == account.secret_key:
                return self._named(account, headers)
            if key and key == account.restricted_key:
                _check_right(account, request)
                return self._named(account, headers)
        if not key:
            raise StripeError(401, "You did not provide an API key.", began=False)
        raise StripeError(401, f"Invalid API Key provided: {key[:8]}***", began=False)

    def _named(self, account: Account, headers: Mapping[str, str]) -> Account:
        if headers.get("stripe-account", account.id) != account.id:
            raise StripeError(
                403,
                "The provided key does not have access to the account named.",
                code="account_invalid",
                began=False,
            )
        return account

    def _read(
        self, request: Request, headers: Mapping[str, str], account: Account, request_id: str
    ) -> _Call:
        endpoint, names = find(request.method, request.path)
        text = request.body.decode("utf-8", "replace") if request.method == "POST" else ""
        raw = form.decode(text or request.query)
        expand = form.texts(raw.pop("expand", []), "expand")
        params = form.read(raw, endpoint.fields, endpoint.required)
        endpoint.check(params)
        return _Call(
            account=account,
            endpoint=endpoint,
            names=names,
            params=params,
            expand=expand,
            key=headers.get("idempotency-key") if request.method == "POST" else None,
            fingerprint=idempotency.fingerprint(
                request.method, request.path, {**raw, "expand": expand}
            ),
            request_id=request_id,
        )

    def _idempotent(self, call: _Call, *, fail: bool) -> Response:
        with self._keys.holding(call.account.id, call.key):
            if call.key is not None:
                known = self._keys.known(call.account.id, call.key, call.fingerprint, self.clock())
                if known is not None:
                    replayed = json_response(known["status"], known["body"])
                    more = [
                        ("idempotent-replayed", "true"),
                        ("idempotency-key", call.key),
                        ("original-request", known["request"]),
                    ]
                    return Response(replayed.status, [*replayed.headers, *more], replayed.body)
            if self.latency_seconds:
                time.sleep(self.latency_seconds)
            with self._execution:
                return self._executed(call, fail=fail)

    def _executed(self, call: _Call, *, fail: bool) -> Response:
        work = self.working(call.account.id, request=call.request_id, key=call.key)
        try:
            if fail:
                raise StripeError(500, "An unknown error occurred.", kind="api_error")
            answer = call.endpoint.handle(work, call.params, **call.names)
            status, body = 200, lists.expanded(work, public(answer), call.expand)
        except StripeError as error:
            if not error.began:
                raise
            if not error.keeps:
                work.discard()
            status, body = error.status, error.body()
        kept: dict[str, Any] = {}
        if call.key is not None:
            row = idempotency.answer_of(
                call.key, call.fingerprint, status, body, call.request_id, work.now
            )
            kept = {row["id"]: row}
        work.commit(**kept)
        return json_response(status, body)


def _check_right(account: Account, request: Request) -> None:
    """Refuses what a restricted key may not do, as https://docs.stripe.com/keys says."""
    parts = request.path.removeprefix("/v1/").split("/")
    what = ".".join(parts[:2]) if parts[0] == "checkout" else parts[0]
    verb = "read" if request.method == "GET" else "write"
    if not {f"{what}:{verb}", f"{what}:write"} & account.rights:
        raise StripeError(
            403,
            "The provided key does not have the required permissions for this endpoint on account "
            f"'{account.id}'. Having the 'rak_{what}_{verb}' permission would allow this request "
            "to continue.",
            began=False,
        )


def _error_response(error: StripeError) -> Response:
    response = json_response(error.status, error.body())
    return Response(error.status, [*response.headers, *error.headers.items()], response.body)
