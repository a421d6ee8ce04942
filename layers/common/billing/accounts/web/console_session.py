"""The console's sessions: a link that signs in once, a cookie, a token in every form.

A link and its session last no longer than the API key that asked for the link; a session begun with
a password no longer than that password; a member's no longer than they belong to the team. Each
request reads the team beside its merchant, so that a role changes, and ends, with the next one.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from aws_lambda_powertools.shared.cookies import Cookie

from billing.accounts.accounts import Account
from billing.accounts.web import session_holder
from billing.accounts.web.session_holder import Holder, SignedOut
from billing.kernel.merchants import ApiKey, Merchant
from billing.kernel.ports import Ports
from billing.kernel.values import Value
from billing.runtime import telemetry
from billing.team import reach
from billing.team.rights import Access, Area, Right
from billing.web import audit, sessions
from billing.web.problems import Forbidden
from billing.web.request import Request

REALM = sessions.Realm("console")
LINK = "console_link"
LINK_LIFE = timedelta(minutes=15)


class Inactive(Forbidden):
    """The merchant's account is not active (A-7)."""

    code = "account_inactive"


class FactorNeeded(Forbidden):
    """The team asks for a second factor, and this member has not set one up yet (M-9)."""

    code = "factor_needed"


class Session(Value):
    """A signed-in console session, and whether charges are made here at all (W-5).

    `csrf` stands in every form, and is checked when it comes back. A session that began with a
    password is an account's, whose profile and plan are a part of the console (A-8).
    """

    token: str
    merchant: Merchant
    armed: bool
    holder: Holder
    by_password: bool = False

    @property
    def csrf(self) -> str:
        return sessions.csrf_of(self.token)

    def may(self, area: str, access: str = "write") -> bool:
        """Tests whether the session's holder has a right; pages show no button without it."""
        return (Area(area), Access(access)) in self.holder.rights

    def may_go(self, address: str) -> bool:
        """Tests whether the session's holder may look at a page of the console."""
        need = reach.need_of(address)
        return need is not None and (need in self.holder.rights or need[0] is Area.OWN)


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
    kept = ports.ephemeral.get(LINK, sessions.digest(token), now=now)
    if session_holder.live_key(ports, kept) is None:
        raise SignedOut


def sign_in(ports: Ports, request: Request, token: str, now: datetime) -> Cookie:
    """Uses up a link; returns the cookie of the session that it begins."""
    sessions.check_origin(request)
    kept = ports.ephemeral.take(LINK, sessions.digest(token), now=now)
    key = session_holder.live_key(ports, kept)
    if key is None:
        raise SignedOut
    telemetry.happened("console sign-in", merchant=key.merchant, request_id=request.id)
    begun = {"merchant": key.merchant, "key": key.key_hash}
    return sessions.begin(ports, request, REALM, begun, now)


def required(ports: Ports, request: Request, now: datetime, need: Right | None = None) -> Session:
    """Returns the session of a request, which extends it by another half hour.

    Raises `SignedOut`, `Inactive` while its account is not active, `FactorNeeded`, and `Forbidden`
    without the right that is needed (M-9); everybody holds one to their own sign-in.
    """
    held = sessions.held(ports, request, REALM, now)
    found = None if held is None else session_holder.of(ports, held)
    if held is None or found is None:
        raise SignedOut
    merchant, holder = found
    is_own = need is not None and need[0] is Area.OWN
    if merchant.is_suspended(now) and not is_own:
        raise Inactive
    if holder.lacks_factor and not is_own:
        raise FactorNeeded
    session_holder.check(holder, need)
    armed = merchant.armed_in(ports.operation.environment)
    return Session(held.token, merchant, armed, holder, "password" in held.kept)


def required_for_change(
    ports: Ports, request: Request, now: datetime, need: Right | None = None
) -> Session:
    """Returns the session of a form that was sent from one of our own pages."""
    sessions.check_origin(request)
    session = required(ports, request, now, need)
    sessions.check_form(request, session.token)
    by = session.holder.named
    audit.note(ports, request, session.merchant.id, "console", now, by=by)
    return session


def begin_account(
    ports: Ports, request: Request, account: Account, now: datetime, **more: str
) -> Cookie:
    """Returns the cookie of a session begun with a password; another password ends it."""
    telemetry.happened("account sign-in", merchant=account.username, request_id=request.id)
    kept = {"merchant": account.username, "password": sessions.mark(account.password_hash)}
    return sessions.begin(ports, request, REALM, {**kept, **more}, now)


def sign_out(ports: Ports, request: Request, session: Session, now: datetime) -> Cookie:
    """Ends a session on the server, so that copies of its cookie stop working; returns the cookie
    that removes it in the browser."""
    return sessions.end(ports, request, REALM, session.token, now)
