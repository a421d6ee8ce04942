"""The home page of the console, and the first steps that are taken on it."""

from __future__ import annotations

from billing.accounts.flows import settings
from billing.console.flows.home import home
from billing.console.web.pages import Desk, page
from billing.kernel.merchants import PortalKind
from billing.web import http

DONE = frozenset({"portal"})


def home_page(desk: Desk) -> http.Answer:
    """Shows first steps, what needs attention, and the orders of today."""
    what = desk.request.query().get("done")
    found = home(desk.ports, desk.session.merchant, now=desk.now)
    return page(desk, "console/home.html", shown=found, done=what if what in DONE else None)


def turn_portal_on(desk: Desk) -> http.Answer:
    """Turns the customers' portal on, in its standalone kind; one that is on stays as it is."""
    if desk.session.merchant.settings.portal is None:
        changes = {"portal": PortalKind.STANDALONE}
        settings.change(desk.ports, desk.session.merchant, changes)
    return http.redirect("/console?done=portal")
