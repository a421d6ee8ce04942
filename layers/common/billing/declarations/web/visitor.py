"""The visitor of a public page: their merchant, country, language and session (X-10)."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from billing.cancel.regions import lookup
from billing.cancel.regions.rules import Duty, Rule
from billing.cancel.web import endings
from billing.customers.web import portal_session
from billing.customers.web.portal_session import Visit
from billing.kernel.errors import NotFound
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.kernel.values import Value
from billing.render.messages import LANGUAGES
from billing.web import custom_domains, http, languages, sessions
from billing.web.request import Request, plain_id

PAGES = {Duty.CANCELLATION: "cancel", Duty.WITHDRAWAL: "withdraw"}


class Visitor(Value):
    """A request for a public page. `country` is empty where nobody knows it."""

    ports: Ports
    request: Request
    merchant: Merchant
    duty: Duty
    now: datetime
    country: str
    state: str | None
    language: str
    visit: Visit | None

    @property
    def what(self) -> str:
        return PAGES[self.duty]

    @property
    def rule(self) -> Rule | None:
        """The rule of the visitor's region on this day, None where the law has none."""
        return lookup.rule(self.country, self.state, self.now.date(), self.duty)

    @property
    def base(self) -> str:
        return custom_domains.declarations(self.request, self.merchant, self.what)

    def address(self, path: str = "") -> str:
        """Returns an address of these pages that keeps the country and language chosen."""
        query = self.request.query()
        kept: dict[str, str] = {
            name: query[name] for name in ("country", "state", "lang") if name in query
        }
        return f"{self.base}{path}" + (f"?{urlencode(kept)}" if kept else "")

    def show(self, template: str, *, status: int = 200, **values: Any) -> http.Answer:
        """Renders a public page."""
        return http.page(
            f"declarations/{template}.html",
            self.language,
            status=status,
            merchant=self.merchant,
            zone=self.merchant.settings.time_zone,
            csrf=None if self.visit is None else sessions.csrf_of(self.visit.token),
            now=self.now,
            **values,
        )


def visitor(ports: Ports, request: Request, merchant: str, duty: Duty, now: datetime) -> Visitor:
    """Returns the visitor of a page; raises `NotFound` for an unknown merchant."""
    found = ports.store.merchant(plain_id(merchant))
    if found is None:
        raise NotFound()
    country, state = endings.place(request)
    language = _language(request)
    visit = None
    if found.settings.portal is not None:
        visit = portal_session.find_visit(ports, request, found, now)
    return Visitor(ports, request, found, duty, now, country, state, language, visit)


def sender(ports: Ports, request: Request, merchant: str, duty: Duty, now: datetime) -> Visitor:
    """Returns the visitor that sent a form: one of our own, and of the session if there is one."""
    sessions.check_origin(request)
    found = visitor(ports, request, merchant, duty, now)
    if found.visit is not None:
        sessions.check_form(request, found.visit.token)
    return found


def _language(request: Request) -> str:
    """Returns the language in the address, else that of the country in it, else the visitor's."""
    query = request.query()
    if (chosen := query.get("lang", "").lower()) in LANGUAGES:
        return chosen
    spoken = languages.SPOKEN.get(query.get("country", "").upper())
    return spoken or languages.of_visitor(request)
