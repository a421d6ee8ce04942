"""The home page of the console, and the first steps that are taken on it."""

from __future__ import annotations

from urllib.parse import urlencode

from billing.accounts.flows import settings
from billing.console.flows.home import home
from billing.console.web.pages import Desk, failing_hooks, page
from billing.kernel.merchants import PortalKind
from billing.web import http

DONE = frozenset({"portal"})
OLD_FILTER = {"q", "kind", "from", "to"}
"""Filters of the transaction list, whose address this was: bookmarks still lead to it."""


def home_page(desk: Desk) -> http.Answer:
    """Shows first steps, what needs attention, and the orders of today."""
    query = desk.request.query()
    if query.keys() & OLD_FILTER:
        return http.redirect(f"/console/transactions?{urlencode(query)}")
    what = query.get("done")
    found = home(desk.ports, desk.session.merchant, now=desk.now)
    what = what if what in DONE else None
    return page(desk, "console/home.html", shown=found, done=what, hooks=failing_hooks(desk))


def turn_portal_on(desk: Desk) -> http.Answer:
    """Turns the customers' portal on, in its standalone kind; one that is on stays as it is."""
    if desk.session.merchant.settings.portal is None:
        changes = {"portal": PortalKind.STANDALONE}
        settings.change(desk.ports, desk.session.merchant, changes)
    return http.redirect("/console?done=portal")
