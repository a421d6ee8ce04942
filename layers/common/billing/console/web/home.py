"""The home page of the console, and the first steps that are taken on it."""

from __future__ import annotations

from urllib.parse import urlencode

from billing.accounts.flows import settings
from billing.console.flows.home import home
from billing.console.web.pages import Desk, failing_hooks, page
from billing.figures.flows import read
from billing.figures.sums import month_of
from billing.figures.web.shapes import filter_of
from billing.kernel.merchants import PortalKind
from billing.kernel.money import Money
from billing.kernel.periods import Anchor
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
    return page(
        desk,
        "console/home.html",
        shown=found,
        done=what if what in DONE else None,
        hooks=failing_hooks(desk),
        tiles=_tiles(desk),
    )


def _tiles(desk: Desk) -> list[tuple[str, Money | int]]:
    """Returns this month's figures by their names, as far as one query tells them."""
    merchant = desk.session.merchant
    today = Anchor.at(desk.now, merchant.settings.time_zone).wall.date()
    wanted = filter_of(merchant, None, None, None)
    found = read.month(desk.ports, merchant, wanted, month_of(today))
    currency = merchant.settings.currency
    customers = 0 if found.customers is None else found.customers["end"]
    return [
        ("mrr", Money(found.end, currency)),
        ("mrr_change", Money(found.end - found.start, currency)),
        ("customers", customers),
    ]


def turn_portal_on(desk: Desk) -> http.Answer:
    """Turns the customers' portal on, in its standalone kind; one that is on stays as it is."""
    if desk.session.merchant.settings.portal is None:
        changes = {"portal": PortalKind.STANDALONE}
        settings.change(desk.ports, desk.session.merchant, changes)
    return http.redirect("/console?done=portal")
