"""The console's sessions: a link that signs in once, a cookie, a token in every form.

A link and its session last no longer than the API key that asked for the link; a session begun with
a password no longer than that password.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from aws_lambda_powertools.shared.cookies import Cookie

from billing.accounts.accounts import Account
from billing.kernel.merchants import ApiKey, Merchant
from billing.kernel.ports import Ports
from billing.kernel.values import Value
from billing.runtime import telemetry
from billing.web import audit, sessions
from billing.web.problems import Forbidden, Unauthenticated
from billing.web.request import Request

REALM = sessions.Realm("console")
LINK = "console_link"
LINK_LIFE = timedelta(minutes=15)


class SignedOut(Unauthenticated):
    """No console session, or an expired one."""

    code = "signed_out"


class Inactive(Forbidden):
    """The merchant's account is not active (A-7)."""

    code = "account_inactive"


class Session(Value):
    """A signed-in console session, and whether charges are made here at all (W-5).

    `csrf` stands in every form, and is checked when it comes back. A session that began with a
    password is an account's, whose profile and plan are a part of the console (A-8).
    """

    token: str
    merchant: Merchant
    armed: bool
    by_password: bool = False

    @property
    def csrf(self) -> str:
        return sessions.csrf_of(self.token)


def console_link(ports: Ports, key: ApiKey, base_url: str, now: datetime) -> str:
    """Returns a link that signs in to the console once, within 15 minutes, while its key is
    live."""
    token = ports.new_id("key")
    expires_at = now + LINK_LIFE
    ports.ephemeral.put(LINK, sessions.digest(token), key.key_hash, expires_at=expires_at, now=now)
    return f"{base_url}/console/sign-in/{token}"


def link_is_good(ports: Ports, token: str, now: datetime) -> None:
    """Raises `SignedOut` for a link that was used, has expired, or whose key is revoked; checking
    does not use it up, so that a mail scanner that follows links does not invalidate it."""
    if _live_key(ports, ports.ephemeral.get(LINK, sessions.digest(token), now=now)) is None:
        raise SignedOut


def sign_in(ports: Ports, request: Request, token: str, now: datetime) -> Cookie:
    """Uses up a link; returns the cookie of the session that it begins."""
    sessions.check_origin(request)
    key = _live_key(ports, ports.ephemeral.take(LINK, sessions.digest(token), now=now))
    if key is None:
        raise SignedOut
    telemetry.happened("console sign-in", merchant=key.merchant, request_id=request.id)
    kept = {"merchant": key.merchant, "key": key.key_hash}
    return sessions.begin(ports, request, REALM, kept, now)


def required(ports: Ports, request: Request, now: datetime) -> Session:
    """Returns the session of a request, which extends it by another half hour; raises `SignedOut`,
    and `Inactive` while its account is not active."""
    held = sessions.held(ports, request, REALM, now)
    merchant = None if held is None else ports.store.merchant(held.kept["merchant"])
    if held is None or merchant is None or not _is_current(ports, held):
        raise SignedOut
    if merchant.is_suspended(now):
        raise Inactive
    armed = merchant.armed_in(ports.operation.environment)
    return Session(held.token, merchant, armed, "password" in held.kept)


def required_for_change(ports: Ports, request: Request, now: datetime) -> Session:
    """Returns the session of a form that was sent from one of our own pages."""
    sessions.check_origin(request)
    session = required(ports, request, now)
    sessions.check_form(request, session.token)
    audit.note(ports, request, session.merchant.id, "console", now)
    return session


def begin_account(ports: Ports, request: Request, account: Account, now: datetime) -> Cookie:
    """Returns the cookie of a session begun with a password; another password ends it."""
    telemetry.happened("account sign-in", merchant=account.username, request_id=request.id)
    kept = {"merchant": account.username, "password": sessions.mark(account.password_hash)}
    return sessions.begin(ports, request, REALM, kept, now)


def account_of(ports: Ports, held: sessions.OpenSession) -> Account | None:
    """Returns the account of a session, if it was begun with the current password."""
    account = ports.store.account(held.kept["merchant"]) if "password" in held.kept else None
    if account is None or sessions.mark(account.password_hash) != held.kept["password"]:
        return None
    return account


def _is_current(ports: Ports, held: sessions.OpenSession) -> bool:
    """Tests whether the key or the password that began a session is still good."""
    if "password" in held.kept:
        return account_of(ports, held) is not None
    key = _live_key(ports, held.kept.get("key"))
    return key is not None and key.merchant == held.kept["merchant"]


def _live_key(ports: Ports, key_hash: str | None) -> ApiKey | None:
    key = None if key_hash is None else ports.store.api_key(key_hash)
    return key if key is not None and key.is_live else None


def sign_out(ports: Ports, request: Request, session: Session, now: datetime) -> Cookie:
    """Ends a session on the server, so that copies of its cookie stop working; returns the cookie
    that removes it in the browser."""
    return sessions.end(ports, request, REALM, session.token, now)
