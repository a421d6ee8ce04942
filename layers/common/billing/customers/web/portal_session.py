"""The portal's sessions: each of one customer of one merchant whose portal is open (B-1, B-3)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aws_lambda_powertools.shared.cookies import Cookie

from billing.customers.flows import customer_view, login
from billing.customers.flows.customer_view import Account
from billing.kernel.customers import Customer
from billing.kernel.errors import NotFound, Unavailable
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.values import Value
from billing.web import custom_domains, http, languages, sessions
from billing.web.problems import Unauthenticated
from billing.web.request import Request, is_plain_id, plain_id

REALM = sessions.Realm("portal")
OWNER = "owner"
"""The role of the members of a team who may do with its account what its holder may (M-9)."""


class SignedOut(Unauthenticated):
    """No session of this merchant's portal, or an expired one."""

    code = "portal_signed_out"


class Closed(NotFound):
    """The merchant has not activated the portal (B-1)."""

    code = "portal_closed"


class Visit(Value):
    """A request of a signed-in customer, with everything of theirs. `csrf` stands in every form."""

    request: Request
    account: Account
    token: str
    now: datetime

    @property
    def merchant(self) -> Merchant:
        return self.account.merchant

    @property
    def customer(self) -> str:
        return self.account.customer.id

    @property
    def base(self) -> str:
        """Returns the prefix of every address of this portal."""
        return custom_domains.portal(self.request, self.merchant)


def open_portal(ports: Ports, merchant: str) -> Merchant:
    """Returns the merchant of a portal; raises `NotFound`, `Closed` where it is not activated."""
    found = ports.store.merchant(plain_id(merchant))
    if found is None:
        raise NotFound()
    if found.settings.portal is None:
        raise Closed(merchant=found.name)
    return found


def enter(
    ports: Ports,
    request: Request,
    merchant: Merchant,
    customer: Customer,
    now: datetime,
    *,
    account: str | None = None,
    owner: str | None = None,
) -> Cookie:
    """Returns the cookie of a new session; another email ends it.

    `account` is the username of somebody who comes from their own account, signed in with its
    password: another password ends the session as well. `owner` is the id of a member of its team
    who comes in the holder's place, for as long as they are an owner there.
    """
    kept = {"merchant": merchant.id, "customer": customer.id, "as": login.find_customer(customer)}
    if account is not None:
        kept |= {"account": account, "password": _mark_of(ports, account)}
    if owner is not None:
        kept |= {"owner": owner}
    return sessions.begin(ports, request, REALM, kept, now)


def find_visit(ports: Ports, request: Request, merchant: Merchant, now: datetime) -> Visit | None:
    """Returns the visit of the signed-in customer, if any: a session is of one merchant's portal
    alone."""
    held = sessions.held(ports, request, REALM, now)
    if held is None or held.kept["merchant"] != merchant.id:
        return None
    account = customer_view.account(ports, merchant, held.kept["customer"], now=now)
    if login.find_customer(account.customer) != held.kept.get("as"):
        return None
    username, owner = held.kept.get("account"), held.kept.get("owner")
    if username is not None and _mark_of(ports, username) != held.kept["password"]:
        return None
    if username is not None and owner is not None and not _is_owner(ports, username, owner):
        return None
    return Visit(request, account, held.token, now)


def _mark_of(ports: Ports, username: str) -> str:
    account = ports.store.account(username)
    return sessions.mark(None if account is None else account.password_hash)


def _is_owner(ports: Ports, username: str, member: str) -> bool:
    team = ports.store.team(username)
    return team is not None and any(m.id == member and m.role == OWNER for m in team.members)


def required(ports: Ports, request: Request, merchant: str, now: datetime) -> Visit:
    """Returns the visit of the signed-in customer; raises `SignedOut`."""
    visit = find_visit(ports, request, open_portal(ports, merchant), now)
    if visit is None:
        raise SignedOut()
    return visit


def required_for_change(ports: Ports, request: Request, merchant: str, now: datetime) -> Visit:
    """Returns the visit of a form that was sent from one of our own pages."""
    sessions.check_origin(request)
    visit = required(ports, request, merchant, now)
    sessions.check_form(request, visit.token)
    return visit


def show(visit: Visit, template: str, *, status: int = 200, **values: Any) -> http.Answer:
    """Renders a page of a signed-in customer."""
    account = visit.account
    return http.page(
        f"portal/{template}.html",
        account.customer.language,
        status=status,
        merchant=account.merchant,
        customer=account.customer,
        base=visit.base,
        desk=custom_domains.helpdesk(visit.request, account.merchant),
        csrf=sessions.csrf_of(visit.token),
        zone=account.merchant.settings.time_zone,
        now=visit.now,
        test=account.customer.test,
        **values,
    )


def failure(
    ports: Ports, error: Exception, request: Request, *, helpdesk: bool = False
) -> http.Answer:
    """Renders an error in the look of the merchant's own pages, with the way back and a contact."""
    parts = request.path.split("/")
    named = parts[2] if len(parts) > 2 else ""
    try:
        merchant = ports.store.merchant(named) if is_plain_id(named) else None
    except Unavailable:
        merchant = None  # The first error is the one to show, in whatever look.
    if merchant is None:
        return http.failure(error, request, language=languages.of_visitor(request))
    return http.failure(
        error,
        request,
        "portal/problem.html",
        languages.spoken(merchant, request),
        merchant=merchant,
        helpdesk=helpdesk,
        base=custom_domains.portal(request, merchant),
        desk=custom_domains.helpdesk(request, merchant),
        closed=isinstance(error, Closed),
        signed_out=isinstance(error, SignedOut),
    )


def done(visit: Visit, what: str, page: str = "") -> http.Answer:
    """Redirects to a page of the portal, which says what was done; a reload does it no second
    time."""
    return http.redirect(f"{visit.base}{page}?done={what}")
