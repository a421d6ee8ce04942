"""The pages of an invitation to a team: shown, and accepted once (M-9)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from billing.accounts import accounts
from billing.accounts.flows import account
from billing.accounts.flows.account import Visitor
from billing.accounts.web import fronts
from billing.accounts.web.entrance import enter
from billing.kernel.audit import By
from billing.kernel.errors import Invalid
from billing.kernel.ports import Ports
from billing.team.flows import membership, people
from billing.web import audit, http, sessions
from billing.web.problems import errors_of
from billing.web.request import Request

TYPED_MOST = 320


def offer(ports: Ports, token: str, *, now: datetime) -> http.Answer:
    """Shows an invitation; a scanner that follows links in mails does not press its button."""
    return _page(ports, token, now)


def join(ports: Ports, request: Request, token: str, *, now: datetime) -> http.Answer:
    """Accepts an invitation, once, and signs in; who has a second factor gives its code first."""
    sessions.check_origin(request)
    found = membership.offer(ports, token, now=now)
    password = request.form().get("password", "")[:TYPED_MOST]
    email = found.invitation.email
    by = By(None, email, found.invitation.role.value)
    audit.note(ports, request, found.merchant, "console", now, by=by, action="POST /console/join")
    try:
        hashed = None
        if password:
            accounts.check_password(password, email.partition("@")[0])
            hashed = ports.passwords.hash(password)
        _, person = membership.accept(ports, token, password_hash=hashed, now=now)
    except Invalid as error:
        return _page(ports, token, now, status=422, errors=errors_of(error))
    own = account.by_email(ports, email)
    visitor = account.visitor(ports, own, person, now)
    assert visitor is not None, "a member of a team"
    return enter(ports, request, Visitor(visitor.account, person), now)


def _page(
    ports: Ports, token: str, now: datetime, *, status: int = 200, errors: Any = None
) -> http.Answer:
    found = membership.offer(ports, token, now=now)
    platform, email = account.platform_merchant(ports), found.invitation.email
    is_known = people.of_email(ports, email) or account.by_email(ports, email)
    return fronts.page(
        *(ports, platform, "join"),
        status=status,
        offer=found,
        is_known=bool(is_known),
        errors=errors or {},
    )
