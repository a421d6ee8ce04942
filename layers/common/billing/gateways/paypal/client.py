"""PayPal's REST API over HTTPS: sign in, send, distinguish an answer from no answer (W-2, R-6).

PayPal has no maintained Python SDK for Orders v2 and Vault v3, so that `requests`, which is in the
layer for another gateway's SDK, does it. The possible results of a call:

* 2xx and the 4xx that refuse: an `Answer`, for the gateway to read.
* 429: `RateLimited`; nothing happened.
* No connection, a time-out, 5xx, 408, 409 (the same request is under way), an answer that is no
  JSON: `Unreachable`; it may or may not have happened.

A request is sent at most twice, the second time with the same PayPal-Request-Id, so that a call
takes 46 seconds at worst (https://developer.paypal.com/api/rest/reference/idempotency).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from billing.gateways.paypal.spec import SPEC
from billing.kernel.errors import RateLimited, Unavailable, Unreachable
from billing.kernel.values import Value

if TYPE_CHECKING:
    import requests

TRIES = 2
KEY_MOST = 100
RENEW_BEFORE_END = timedelta(minutes=1)
NO_ANSWER = frozenset({408, 409})
UNAUTHORIZED = 401
TOO_MANY = 429
SERVER_ERROR = 500

Json = dict[str, Any]

Secrets = Callable[[bool], Mapping[str, Any]]
"""Reads an account's secrets from the secret store; called with True, afresh."""


class Keys(Value):
    """The keys of one PayPal app; `webhook_id` is the webhook that sends its events to us."""

    client_id: str
    client_secret: str
    webhook_id: str

    @classmethod
    def of(cls, secrets: Mapping[str, Any]) -> Keys:
        """Reads the keys from the secret store's form; raises `Unavailable` for a missing one.

        The error names it.
        """
        if wrong := SPEC.wrong_secrets(secrets):
            raise Unavailable(f"PayPal's keys lack {', '.join(wrong)}.", code="no_keys")
        return cls(secrets["client_id"], secrets["client_secret"], secrets["webhook_id"])

    def __repr__(self) -> str:
        return f"Keys({self.client_id})"


class Answer(Value):
    """An answer of PayPal with a status below 500, and its JSON."""

    status: int
    body: Json

    @property
    def is_ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def issue(self) -> str:
        """Returns the code of a refusal, the first of its details; else the error's name."""
        for detail in self.body.get("details", ()):
            if isinstance(detail, dict) and isinstance(detail.get("issue"), str):
                return str(detail["issue"])
        return str(self.body.get("name", self.status))


class PayPalClient:
    """A client of one PayPal app.

    Its access token is fetched when it is first needed and kept until it ends.
    """

    def __init__(self, base_url: str, secrets: Secrets, clock: Callable[[], datetime]) -> None:
        self._base_url = base_url.rstrip("/")
        self._secrets = secrets
        self._clock = clock
        self._session: requests.Session | None = None
        self._token: tuple[str, datetime] | None = None
        self._lock = Lock()

    @property
    def webhook_id(self) -> str:
        """Returns the id of the webhook that sends its events to us."""
        return Keys.of(self._secrets(False)).webhook_id

    def get(self, path: str) -> Answer:
        """Reads a resource."""
        return self._send("GET", path, None, {})

    def post(self, path: str, body: Json | bytes, *, request_id: str | None = None) -> Answer:
        """Sends a request, done once per `request_id` for as long as PayPal keeps it.

        `body` as bytes is sent as it is.
        """
        headers = {"Prefer": "return=representation"}
        if request_id is not None:
            headers["PayPal-Request-Id"] = fitting(request_id)
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._send("POST", path, data, headers)

    def patch(self, path: str, changes: list[Json]) -> Answer:
        """Changes a resource, by operations of JSON Patch."""
        return self._send("PATCH", path, json.dumps(changes).encode(), {})

    def sign_in(self) -> str | None:
        """Signs in with the keys; returns what they may do, None where they are not accepted."""
        answer = self._signed_in(fresh=False)
        if answer.status == UNAUTHORIZED or answer.body.get("error") == "invalid_client":
            return None
        if not answer.is_ok:
            raise Unreachable(f"PayPal lets nobody sign in: {answer.status}.")
        return str(answer.body.get("scope", ""))

    def delete(self, path: str) -> Answer:
        """Removes a resource."""
        return self._send("DELETE", path, None, {})

    def _send(
        self, method: str, path: str, data: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        for tried in range(1, TRIES + 1):
            token = self._access_token()
            try:
                answer = self._once(
                    method, path, data, {**headers, "Authorization": f"Bearer {token}"}
                )
            except Unreachable:
                if tried == TRIES:
                    raise
                continue
            if answer.status != UNAUTHORIZED or tried == TRIES:
                break
            self._forget(token)
        if answer.status == UNAUTHORIZED:
            raise Unreachable("PayPal does not accept our keys any more.")
        return answer

    def _once(
        self,
        method: str,
        path: str,
        data: bytes | None,
        headers: Mapping[str, str],
        auth: tuple[str, str] | None = None,
    ) -> Answer:
        import requests

        kind = {"Content-Type": "application/json"} if data is not None else {}
        try:
            response = self._sessions().request(
                method,
                self._base_url + path,
                data=data,
                headers={"Accept": "application/json", **kind, **headers},
                auth=auth,
                timeout=None,  # the session's own
                allow_redirects=False,
            )
            content = response.content
        except (requests.RequestException, OSError) as error:
            raise Unreachable(f"PayPal did not answer: {type(error).__name__}.") from error
        return _read(response.status_code, content)

    def _sessions(self) -> requests.Session:
        from billing.gateways import bounded_http

        if self._session is None:
            self._session = bounded_http.session()
        return self._session

    def _access_token(self) -> str:
        with self._lock:
            if self._token is None or self._token[1] <= self._clock():
                # Keys that were changed a moment ago are read afresh once.
                self._token = self._sign_in(fresh=False) or self._sign_in(fresh=True)
            if self._token is None:
                raise Unreachable("PayPal does not accept our keys.")
            return self._token[0]

    def _signed_in(self, *, fresh: bool) -> Answer:
        keys = Keys.of(self._secrets(fresh))
        return self._once(
            "POST",
            "/v1/oauth2/token",
            b"grant_type=client_credentials",
            {"Content-Type": "application/x-www-form-urlencoded"},
            auth=(keys.client_id, keys.client_secret),
        )

    def _sign_in(self, *, fresh: bool) -> tuple[str, datetime] | None:
        answer = self._signed_in(fresh=fresh)
        token, seconds = answer.body.get("access_token"), answer.body.get("expires_in")
        if not answer.is_ok or not isinstance(token, str) or not isinstance(seconds, int):
            return None
        return token, self._clock() + timedelta(seconds=seconds) - RENEW_BEFORE_END

    def _forget(self, token: str) -> None:
        with self._lock:
            if self._token is not None and self._token[0] == token:
                self._token = None


def fitting(key: str) -> str:
    """Fits a key of ours into PayPal-Request-Id (108 characters), the same way each time."""
    if len(key) <= KEY_MOST and key.isascii() and key.isprintable():
        return key
    return sha256(key.encode()).hexdigest()


def segment(name: str) -> str:
    """Quotes an id as one segment of a path, whatever it holds."""
    return quote(name, safe="")


def _read(status: int, content: bytes) -> Answer:
    if status == TOO_MANY:
        raise RateLimited("PayPal takes no more requests for now.")
    if status >= SERVER_ERROR or status in NO_ANSWER or 300 <= status < 400:
        raise Unreachable(f"PayPal answered {status}.")
    try:
        body = json.loads(content) if content else {}
    except ValueError as error:
        raise Unreachable(f"PayPal answered {status} and no JSON.") from error
    if not isinstance(body, dict):
        raise Unreachable(f"PayPal answered {status} and no object.")
    return Answer(status, body)
