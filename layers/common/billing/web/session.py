"""The console's sessions: a link that signs in once, a cookie, a token in every form.

A session is a reference: the cookie's token is random and kept as a hash, so that it can be ended
here and means nothing to who reads the table.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from aws_lambda_powertools.shared.cookies import Cookie, SameSite

from billing.merchants import Merchant
from billing.ports import Ports
from billing.web.problems import Forbidden, Unauthenticated
from billing.web.request import Request

SESSION, LINK = "console_session", "console_link"
LINK_LIFE = timedelta(minutes=15)
IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)
CSRF_FIELD = "csrf"


class SignedOut(Unauthenticated):
    """No session, or one that is over."""

    code = "signed_out"

    def __init__(self) -> None:
        super().__init__("You are signed out. Ask for a new sign-in link.")


@dataclass(frozen=True, slots=True)
class Session:
    """Who is signed in. `csrf` stands in every form, and is checked when it comes back."""

    token: str
    merchant: Merchant

    @property
    def csrf(self) -> str:
        return hmac.digest(self.token.encode(), b"csrf", "sha256").hex()


def console_link(ports: Ports, merchant: str, base_url: str, now: datetime) -> str:
    """A link to the console that signs in once, within 15 minutes."""
    token = ports.new_id("key")
    ports.ephemeral.put(LINK, _hash(token), merchant, expires_at=now + LINK_LIFE, now=now)
    return f"{base_url}/console/sign-in/{token}"


def link_is_good(ports: Ports, token: str, now: datetime) -> None:
    """Raises `SignedOut` for a link that was used or is over; looking does not use it up, so that
    a mail scanner that follows links takes nothing away."""
    if ports.ephemeral.get(LINK, _hash(token), now=now) is None:
        raise SignedOut


def sign_in(ports: Ports, request: Request, token: str, now: datetime) -> Cookie:
    """Use a link up; the cookie of the session that it begins."""
    _from_here(request)
    merchant = ports.ephemeral.take(LINK, _hash(token), now=now)
    if merchant is None:
        raise SignedOut
    fresh = ports.new_id("key")
    value = json.dumps({"merchant": merchant, "since": now.isoformat()})
    ports.ephemeral.put(SESSION, _hash(fresh), value, expires_at=now + IDLE, now=now)
    return _cookie(request, fresh, int(ABSOLUTE.total_seconds()))


def required(ports: Ports, request: Request, now: datetime) -> Session:
    """The session of a request, which keeps it alive for another half hour; raises `SignedOut`."""
    token = request.cookies.get(_cookie_name(request), "")
    value = ports.ephemeral.get(SESSION, _hash(token), now=now) if token else None
    if value is None:
        raise SignedOut
    kept = json.loads(value)
    ends = datetime.fromisoformat(kept["since"]) + ABSOLUTE
    merchant = ports.store.merchant(kept["merchant"])
    if now >= ends or merchant is None:
        raise SignedOut
    ports.ephemeral.replace(SESSION, _hash(token), value, expires_at=min(now + IDLE, ends))
    return Session(token, merchant)


def required_for_change(ports: Ports, request: Request, now: datetime) -> Session:
    """The session of a form that was sent from one of our own pages."""
    _from_here(request)
    session = required(ports, request, now)
    if not hmac.compare_digest(request.form().get(CSRF_FIELD, "").encode(), session.csrf.encode()):
        raise Forbidden("This form is not of your session; go back and reload it.", code="csrf")
    return session


def sign_out(ports: Ports, request: Request, session: Session, now: datetime) -> Cookie:
    """End a session here, whoever still holds its cookie; the cookie that removes it there."""
    ports.ephemeral.take(SESSION, _hash(session.token), now=now)
    return _cookie(request, "", 0)


def _from_here(request: Request) -> None:
    # Browsers say where a form was sent from. `Referrer-Policy: no-referrer` makes them say
    # `Origin: null` even of our own pages, so Sec-Fetch-Site is asked first.
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None:
        here = site in {"same-origin", "none"}
    else:
        here = origin in {None, "null", request.base_url}
    if not here:
        raise Forbidden("This form was sent from another site.", code="csrf")


def _cookie_name(request: Request) -> str:
    # API Gateway speaks https only. Plain http is a laptop's loopback, where clients other than
    # browsers neither keep nor send a Secure cookie.
    return "__Host-console" if request.is_secure else "console"


def _cookie(request: Request, value: str, seconds: int) -> Cookie:
    return Cookie(
        name=_cookie_name(request),
        value=value,
        path="/",
        secure=request.is_secure,
        http_only=True,
        max_age=seconds,
        same_site=SameSite.LAX_MODE,
    )


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()
