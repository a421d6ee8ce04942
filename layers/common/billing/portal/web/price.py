"""An announced price in the portal: both prices are shown, and its customer may agree (X-12)."""

from __future__ import annotations

from billing.customers.web.portal_session import Visit, done, show
from billing.kernel.ports import Ports
from billing.plans.flows import announce_price
from billing.web import http


def form(visit: Visit, subscription: str) -> http.Answer:
    """Shows the announced price, with the way to agree to it, or to cancel."""
    purchase, found = visit.account.purchase(subscription)
    change, at = found.price_change, found.new_price_at(visit.now)
    if change is None or at is None:
        return http.redirect(visit.base)
    return show(visit, "price", purchase=purchase, subscription=found, change=change, at=at)


def agree(ports: Ports, visit: Visit, subscription: str) -> http.Answer:
    """Notes that the customer agreed to the price that stood on the page; twice is once."""
    _, found = visit.account.purchase(subscription)
    shown = visit.request.form().get("change", "")
    announce_price.agree(ports, found, shown, now=visit.now)
    return done(visit, "price")
