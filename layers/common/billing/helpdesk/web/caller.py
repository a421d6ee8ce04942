"""The caller of a page of a merchant's helpdesk, signed in or not (B-1, H-2)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from billing.cancel.web import endings
from billing.customers.web import portal_session
from billing.customers.web.portal_session import SignedOut, Visit
from billing.kernel.errors import NotFound
from billing.kernel.merchants import Merchant, PortalKind
from billing.kernel.ports import Ports
from billing.kernel.values import Value
from billing.web import custom_domains, http, languages, sessions
from billing.web.request import Request, plain_id


class Closed(portal_session.Closed):
    """The merchant has activated no pages for customers (B-1)."""

    code = "helpdesk_closed"


class Caller(Value):
    """A request for a page of a merchant's helpdesk, signed in or not."""

    ports: Ports
    request: Request
    merchant: Merchant
    visit: Visit | None
    now: datetime

    @property
    def base(self) -> str:
        return custom_domains.helpdesk(self.request, self.merchant)

    @property
    def language(self) -> str:
        if self.visit is not None:
            return self.visit.account.customer.language
        return languages.spoken(self.merchant, self.request)

    def show(self, template: str, *, status: int = 200, **values: Any) -> http.Answer:
        """Renders a page of the helpdesk, with the way to My Orders around it."""
        visit = self.visit
        return http.page(
            f"helpdesk/{template}.html",
            self.language,
            status=status,
            merchant=self.merchant,
            open=self.merchant.settings.portal is not None,
            helpdesk=self.merchant.settings.portal is PortalKind.HELPDESK,
            base=custom_domains.portal(self.request, self.merchant),
            desk=self.base,
            customer=None if visit is None else visit.account.customer,
            csrf=None if visit is None else sessions.csrf_of(visit.token),
            zone=self.merchant.settings.time_zone,
            now=self.now,
            endings=endings.for_visitor(self.request, self.merchant, self.language, self.now),
            **{"test": visit is not None and visit.account.customer.test, **values},
        )


def caller(ports: Ports, request: Request, merchant: str, *, now: datetime) -> Caller:
    """Returns the caller of a page; raises `NotFound` for an unknown merchant."""
    found = ports.store.merchant(plain_id(merchant))
    if found is None:
        raise NotFound()
    visit = portal_session.find_visit(ports, request, found, now)
    return Caller(ports, request, found, visit, now)


def sender(ports: Ports, request: Request, merchant: str, *, now: datetime) -> Caller:
    """Returns the caller that sent a form: one of our own, and of the session if there is one."""
    sessions.check_origin(request)
    found = caller(ports, request, merchant, now=now)
    if found.visit is not None:
        sessions.check_form(request, found.visit.token)
    return found


def refuse_closed(who: Caller) -> None:
    """Raises `Closed` where the merchant has no pages for customers."""
    if who.merchant.settings.portal is None:
        raise Closed(merchant=who.merchant.name)


def signed_in(who: Caller) -> Visit:
    """Returns the visit of a signed-in caller; raises `SignedOut`."""
    if who.visit is None:
        raise SignedOut()
    return who.visit
