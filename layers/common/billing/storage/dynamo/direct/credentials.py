"""Finds credentials where Lambda has them: in the environment, or at the container's endpoint.

Botocore knows more places; where it would look there first, `Unsuited` says so.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from ipaddress import ip_address
from pathlib import Path
from threading import Lock
from urllib.parse import urlsplit

from billing.storage.dynamo.direct.connections import Connections
from billing.storage.dynamo.direct.endpoint import Unsuited, address_of
from billing.storage.dynamo.direct.signing import Credentials
from billing.storage.dynamo.failures import Unanswered

RENEWED_BEFORE = timedelta(minutes=10)
"""The time before their end at which credentials are renewed."""

TRIED_AGAIN = timedelta(minutes=1)
"""The pause between attempts to renew credentials that are still valid."""

RELATIVE, FULL = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"
TOKEN, TOKEN_FILE = "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
CONTAINER_HOST = "169.254.170.2"
_HOSTS = {CONTAINER_HOST, "169.254.170.23", "fd00:ec2::23", "localhost"}

Source = Callable[[], Credentials]


class CredentialStore:
    """Credentials that are renewed before they end; threads share it."""

    def __init__(self, source: Source, clock: Callable[[], datetime]) -> None:
        self._source = source
        self._clock = clock
        self._kept: Credentials | None = None
        self._tried_at: datetime | None = None
        self._lock = Lock()

    def current(self) -> Credentials:
        """Returns valid credentials; raises `Unanswered` if there are none."""
        kept = self._kept
        if kept is not None and not self._ends_within(kept, RENEWED_BEFORE):
            return kept
        with self._lock:
            if self._kept is kept and not self._waits(kept):
                self._renew()
            assert self._kept is not None
            return self._kept

    def renewed(self, refused: Credentials) -> bool:
        """Replaces refused credentials; returns False if there are no others."""
        with self._lock:
            if self._kept is refused:
                self._kept = self._source()
            return self._kept != refused

    def _renew(self) -> None:
        self._tried_at = self._clock()
        try:
            self._kept = self._source()
        except Unanswered:
            if self._kept is None or self._ends_within(self._kept, timedelta()):
                raise

    def _waits(self, kept: Credentials | None) -> bool:
        """Tests whether credentials that cannot be renewed now still serve for a while."""
        if kept is None or self._tried_at is None or self._ends_within(kept, timedelta()):
            return False
        return self._clock() - self._tried_at < TRIED_AGAIN

    def _ends_within(self, kept: Credentials, span: timedelta) -> bool:
        return kept.expires_at is not None and kept.expires_at - self._clock() <= span


def source_of(environ: Mapping[str, str], clock: Callable[[], datetime]) -> Source:
    """Returns what reads credentials; raises `Unsuited` where botocore would look elsewhere."""
    if environ.get("AWS_ACCESS_KEY_ID"):
        return lambda: _from_environ(environ)
    if environ.get("AWS_WEB_IDENTITY_TOKEN_FILE") or not (RELATIVE in environ or FULL in environ):
        raise Unsuited("credentials")
    url = f"http://{CONTAINER_HOST}{environ[RELATIVE]}" if RELATIVE in environ else environ[FULL]
    return _Container(url, environ, clock)


def _from_environ(environ: Mapping[str, str]) -> Credentials:
    secret = environ.get("AWS_SECRET_ACCESS_KEY")
    if not secret:
        raise Unsuited("credentials")
    token = environ.get("AWS_SECURITY_TOKEN") or environ.get("AWS_SESSION_TOKEN")
    ends = environ.get("AWS_CREDENTIAL_EXPIRATION")
    return Credentials(
        environ["AWS_ACCESS_KEY_ID"], secret, token or None, _instant(ends) if ends else None
    )


class _Container:
    """The endpoint that gives credentials to a container, as to a function under SnapStart."""

    def __init__(self, url: str, environ: Mapping[str, str], clock: Callable[[], datetime]) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" and not _may_know(parts.hostname or ""):
            raise Unsuited("credentials")
        self._endpoint = address_of(f"{parts.scheme}://{parts.netloc}")
        self._path = parts.path + (f"?{parts.query}" if parts.query else "")
        self._environ = environ
        self._http = Connections(self._endpoint, clock)

    def __call__(self) -> Credentials:
        last: Exception | None = None
        for _ in range(3):
            try:
                return self._fetch()
            except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
                last = error
        raise Unanswered("The container gives no credentials.") from last

    def _fetch(self) -> Credentials:
        lines = [f"GET {self._path or '/'} HTTP/1.1", f"Host: {self._endpoint.authority}"]
        lines += ["Accept: application/json", "Connection: close"]
        if token := self._token():
            lines.append(f"Authorization: {token}")
        reply = self._http.exchange("\r\n".join([*lines, "", ""]).encode("ascii"))
        if reply.status != 200:
            raise ValueError(f"The container answers {reply.status}.")
        given = json.loads(reply.body)
        key_id, secret, token = given["AccessKeyId"], given["SecretAccessKey"], given["Token"]
        return Credentials(key_id, secret, token, _instant(given["Expiration"]))

    def _token(self) -> str | None:
        """Returns the token of the request, read anew each time as its file is replaced."""
        path = self._environ.get(TOKEN_FILE)
        token = Path(path).read_text() if path else self._environ.get(TOKEN)
        if token and ("\r" in token or "\n" in token or not token.isascii()):
            raise ValueError("The container's token is no header.")
        return token


def _may_know(host: str) -> bool:
    if host in _HOSTS:
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
