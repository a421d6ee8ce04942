"""The merchant API's frame: authentication, input, one answer per Idempotency-Key (M-3).

A route is declared once: address, input shape, and by its annotation the output shape; the bearer
check, the reading of input and the OpenAPI document follow from that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from billing.api.flows import keys
from billing.api.web.idempotency import Once
from billing.kernel import domains
from billing.kernel.errors import Invalid
from billing.kernel.merchants import ApiKey, Merchant
from billing.kernel.ports import Ports
from billing.kernel.values import Value, field
from billing.team import reach, rights
from billing.web import audit, http
from billing.web.inputs import Input, Nothing, read
from billing.web.problems import Forbidden, Unauthenticated
from billing.web.request import CSV, Request, plain_id

T = TypeVar("T", bound=Input)
R = TypeVar("R")
Scope = Literal["read", "write"]
Handler = Callable[..., Any]

HAS_BODY = frozenset({"POST", "PATCH", "PUT"})
ACCEPTED = 202
NOTHING_TO_SAY = 204


class Call(Value, Generic[T]):
    """One call of the API by a merchant.

    `input` is the body, or the query string of a GET or a DELETE. `named` is what the
    Idempotency-Key makes the same for ever, None without one. `file` is the body where a
    `FileInput` was sent as one.
    """

    merchant: Merchant
    key: ApiKey
    input: T
    now: datetime
    base_url: str
    named: str | None = None
    file: bytes | None = None

    @property
    def zone(self) -> str:
        return self.merchant.settings.time_zone

    def checkout_url(self, price_point: str) -> str:
        """Returns the checkout page of one of the merchant's price points."""
        return domains.checkout(self.base_url, self.merchant, price_point)


class Route(Value):
    """One declared route; `path` has parameters as `<name>`, `errors` are its own, by status."""

    method: str
    path: str
    takes: type[Input]
    status: int
    scope: Scope
    sealed: str | None
    handler: Handler
    errors: Mapping[str, str] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash((self.method, self.path))


class Later(Value, Generic[R]):
    """An answer with 202: recorded, and not finished."""

    body: R


class CsvInput(Input):
    """A file of comma-separated values, the whole body."""

    csv: str


class FileInput(Input):
    """A file as text/csv, the whole body, with a query string; or a JSON object that names one."""


class Csv(Value):
    """An answer that is CSV, to be saved under `name`."""

    content: str
    name: str


class Pdf(Value):
    """An answer that is a PDF, to be saved under `name`."""

    content: bytes
    name: str


class Xml(Value):
    """An answer that is XML, to be saved under `name`."""

    content: bytes
    name: str


class Api:
    """A declarer of /v1 routes on a resolver; handlers take a `Call` and the path's parameters."""

    def __init__(self, app: http.Resolver, ports: Ports) -> None:
        self.routes: list[Route] = []
        self._app = app
        self._ports = ports

    def get(self, path: str, takes: type[Input] = Nothing) -> Callable[[Handler], Handler]:
        return self._declare("GET", path, takes, 200, "read")

    def post(
        self,
        path: str,
        takes: type[Input] = Nothing,
        *,
        status: int = 201,
        scope: Scope = "write",
        sealed: str | None = None,
        errors: Mapping[str, str] | None = None,
    ) -> Callable[[Handler], Handler]:
        return self._declare("POST", path, takes, status, scope, sealed, errors)

    def patch(self, path: str, takes: type[Input]) -> Callable[[Handler], Handler]:
        return self._declare("PATCH", path, takes, 200, "write")

    def put(self, path: str, takes: type[Input]) -> Callable[[Handler], Handler]:
        return self._declare("PUT", path, takes, 200, "write")

    def delete(
        self, path: str, takes: type[Input] = Nothing, *, status: int = 200
    ) -> Callable[[Handler], Handler]:
        return self._declare("DELETE", path, takes, status, "write")

    def _declare(
        self,
        method: str,
        path: str,
        takes: type[Input],
        status: int,
        scope: Scope,
        sealed: str | None = None,
        errors: Mapping[str, str] | None = None,
    ) -> Callable[[Handler], Handler]:
        def declare(handler: Handler) -> Handler:
            route = Route(method, path, takes, status, scope, sealed, handler, errors or {})
            self.routes.append(route)
            self._app.route(path, method)(lambda **ids: self._answer(route, ids))
            return handler

        return declare

    def _answer(self, route: Route, ids: dict[str, str]) -> http.Answer:
        request = Request.of(self._app.current_event)
        now = self._ports.clock()
        secret = _bearer(request)
        merchant, key = self._caller(secret, route)
        if merchant.is_suspended(now):
            raise Forbidden(code="account_inactive")

        if route.scope == "write":
            audit.note(self._ports, request, merchant.id, f"key:{key.id}", now)
        is_post = route.method == "POST"
        once = Once.of(request, merchant.id, secret, route.sealed) if is_post else None

        def run() -> http.Answer:
            shape, named = _input(route, request), once.place if once else None
            base_url = self._ports.operation.public_url or request.base_url
            call = Call(merchant, key, shape, now, base_url, named, _file(route, request))
            path = {name: plain_id(value) for name, value in ids.items()}
            given = route.handler(call, **path)
            if isinstance(given, Pdf):
                return http.file(given.content, given.name)
            if isinstance(given, Xml):
                return http.file(given.content, given.name, http.XML)
            if isinstance(given, Csv):
                return http.file(given.content, given.name, CSV)
            if isinstance(given, Later):
                return http.json(given.body, ACCEPTED)
            if route.status == NOTHING_TO_SAY:
                return http.answer(NOTHING_TO_SAY, None, "", {})
            return http.json(given, route.status)

        return once.answer(self._ports, request, now, run) if once else run()

    def _caller(self, secret: str, route: Route) -> tuple[Merchant, ApiKey]:
        found = keys.holder(self._ports, secret)
        if found is None:
            raise Unauthenticated("key_not_valid")
        _check_reach(found[1], route)
        return found


def _check_reach(key: ApiKey, route: Route) -> None:
    """Raises `Forbidden` for a key without the right to a route (M-9).

    A route that declares none is for keys of every area.
    """
    need = reach.need(route.method, route.path)
    if route.scope in key.scopes:
        return  # as before there were areas
    if need is None or need not in rights.of_scopes(key.scopes):
        is_of_all = need is None or set(key.scopes) <= set(rights.OF_ALL)
        scope = route.scope if is_of_all or need is None else rights.key_scope(need)
        raise Forbidden(code="scope_missing", scope=scope)


def _bearer(request: Request) -> str:
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret.startswith(keys.PREFIX):
        raise Unauthenticated("key_missing")
    return secret.strip()


def _input(route: Route, request: Request) -> Input:
    if route.method not in HAS_BODY:
        return read(route.takes, request.query())
    if route.takes is CsvInput:
        return CsvInput(csv=request.csv())
    if issubclass(route.takes, FileInput):
        given = request.json() if request.body and _file(route, request) is None else {}
        return read(route.takes, {**request.query(), **_object(given)})
    return read(route.takes, request.json() if request.body else {})


def _file(route: Route, request: Request) -> bytes | None:
    """Returns the file that is the body, None where there is none."""
    is_file = issubclass(route.takes, FileInput) and request.content_type == CSV
    return request.file() if is_file and request.body else None


def _object(document: Any) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise Invalid("object_needed", field="body")
    return document
