"""The pages of `/console/sign-in`: by password, or by a mailed link (M-4)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from billing.accounts.flows import account, link_sign_in
from billing.accounts.web import fronts, session_holder
from billing.accounts.web.entrance import enter
from billing.accounts.web.pages import TYPED_MOST
from billing.kernel.ports import Ports
from billing.web import http, sessions
from billing.web.emails import with_ascii_domain
from billing.web.request import Request


def sign_in_page(ports: Ports) -> http.Answer:
    """Shows both ways in; without accounts, says that only an API key's link leads in."""
    if not ports.operation.platform:
        raise session_holder.SignedOut
    return _front(ports, "sign_in", failed=False)


def ask_for_link(ports: Ports, request: Request, *, now: datetime) -> http.Answer:
    """Has a link mailed; the answer is the same for every email and every repeat."""
    sessions.check_origin(request)
    email = with_ascii_domain(request.form().get("email", "")[:TYPED_MOST])
    link_sign_in.ask(ports, email, ip=request.ip, now=now)
    return _front(ports, "link_asked", status=202)


def offer_sign_in(ports: Ports, token: str, *, now: datetime) -> http.Answer:
    """Shows a button that signs in: a scanner that follows links in mails does not press it."""
    if not link_sign_in.is_valid(ports, token, now=now):
        raise session_holder.SignedOut
    return _front(ports, "link")


def sign_in(ports: Ports, request: Request, token: str, *, now: datetime) -> http.Answer:
    """Signs in by a mailed link, once."""
    sessions.check_origin(request)
    found = link_sign_in.take(ports, token, now=now)
    if found is None:
        raise session_holder.SignedOut
    return enter(ports, request, found, now)


def _front(ports: Ports, template: str, *, status: int = 200, **values: Any) -> http.Answer:
    platform = account.platform_merchant(ports)
    return fronts.page(ports, platform, template, status=status, **values)
