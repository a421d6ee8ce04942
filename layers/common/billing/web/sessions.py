"""Sessions as references: a random token in a cookie, kept as a hash, with a token in every form.

The console and the portal share it. A session can be ended here, and its row means nothing to a
reader of the table. It lives 30 minutes from its last use, and 12 hours at most.
"""

from __future__ import annotations

import hmac
import json
from datetime import datetime, timedelta
from hashlib import sha256

from aws_lambda_powertools.shared.cookies import Cookie, SameSite

from billing.kernel.ports import Ports
from billing.kernel.values import Value
from billing.web.problems import Forbidden
from billing.web.request import Request

IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)
CSRF_FIELD = "csrf"


class Realm(Value):
    """A place to sign in to: `name` is the cookie's, and begins the kind of its rows."""

    name: str

    @property
    def kind(self) -> str:
        return f"{self.name}_session"

    def cookie_name(self, request: Request) -> str:
        # API Gateway speaks https only. Plain http is a laptop's loopback, where clients other than
        # browsers neither keep nor send a Secure cookie.
        return f"__Host-{self.name}" if request.is_secure else self.name


class OpenSession(Value):
    """A session's token, and what was kept with it."""

    token: str
    kept: dict[str, str]


def begin(
    ports: Ports, request: Request, realm: Realm, kept: dict[str, str], now: datetime
) -> Cookie:
    """Begins a session with a token of its own; one that the browser had before ends."""
    if old := request.cookies.get(realm.cookie_name(request)):
        ports.ephemeral.take(realm.kind, digest(old), now=now)
    token = ports.new_id("key")
    value = json.dumps({**kept, "since": now.isoformat()})
    ports.ephemeral.put(realm.kind, digest(token), value, expires_at=now + IDLE, now=now)
    return _cookie(request, realm, token, int(ABSOLUTE.total_seconds()))


def held(ports: Ports, request: Request, realm: Realm, now: datetime) -> OpenSession | None:
    """Returns the session of a request, kept alive for another half hour; None without one."""
    token = request.cookies.get(realm.cookie_name(request), "")
    value = ports.ephemeral.get(realm.kind, digest(token), now=now) if token else None
    if value is None:
        return None
    kept = json.loads(value)
    ends = datetime.fromisoformat(kept["since"]) + ABSOLUTE
    if now >= ends:
        return None
    # Only a session that still exists: it may have been ended since it was read.
    renewed = ports.ephemeral.renew(
        realm.kind, digest(token), value, expires_at=min(now + IDLE, ends), now=now
    )
    return OpenSession(token, kept) if renewed else None


def end(ports: Ports, request: Request, realm: Realm, token: str, now: datetime) -> Cookie:
    """Ends a session here, whoever still holds its cookie; returns a cookie that removes it."""
    ports.ephemeral.take(realm.kind, digest(token), now=now)
    return _cookie(request, realm, "", 0)


def csrf_of(token: str) -> str:
    """Derives the CSRF token that every form of a session carries."""
    return hmac.digest(token.encode(), b"csrf", "sha256").hex()


def check_form(request: Request, token: str) -> None:
    """Raises `Forbidden` for a form that is not of this session."""
    given = request.form().get(CSRF_FIELD, "")
    if not hmac.compare_digest(given.encode(), csrf_of(token).encode()):
        raise Forbidden(code="csrf")


def check_origin(request: Request) -> None:
    """Raises `Forbidden` for a form that was sent from another site."""
    # Browsers say where a form was sent from. `Referrer-Policy: no-referrer` makes them say
    # `Origin: null` even of our own pages, so Sec-Fetch-Site is asked first.
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None:
        here = site in {"same-origin", "none"}
    else:
        here = origin in {None, "null", request.base_url}
    if not here:
        raise Forbidden(code="csrf")


def mark(password_hash: str | None) -> str:
    """Returns what a session keeps of the password it was begun with; another password has
    another mark."""
    return digest(password_hash or "")[:16]


def digest(token: str) -> str:
    """Hashes a token for storage; it is random, so one round of SHA-256 does."""
    return sha256(token.encode()).hexdigest()


def _cookie(request: Request, realm: Realm, value: str, seconds: int) -> Cookie:
    return Cookie(
        name=realm.cookie_name(request),
        value=value,
        path="/",
        secure=request.is_secure,
        http_only=True,
        max_age=seconds,
        same_site=SameSite.LAX_MODE,
    )
