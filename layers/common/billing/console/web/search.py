"""The search at the head of every page: what names one object leads to it, words to results."""

from __future__ import annotations

from billing.console.flows import search
from billing.console.flows.search import Hit
from billing.console.web.pages import Desk, page
from billing.helpdesk.tickets import Ticket
from billing.kernel.catalog import Product
from billing.kernel.customers import Customer
from billing.kernel.orders import Order
from billing.web import http
from billing.web.emails import with_ascii_domain
from billing.web.request import is_plain_id

TYPED_MOST = 254


def results(desk: Desk) -> http.Answer:
    """Leads to the object that an id or email names, else shows what begins with the words."""
    typed = " ".join(desk.request.query().get("q", "").split())[:TYPED_MOST]
    merchant = desk.session.merchant
    text = with_ascii_domain(typed)
    hit = (
        search.exact(desk.ports, merchant, text, now=desk.now) if _can_be_looked_up(text) else None
    )
    if hit is not None:
        return http.redirect(address_of(hit))
    found = search.words(desk.ports, merchant, typed)
    return page(desk, "console/search.html", found=found, sought=typed)


def address_of(hit: Hit) -> str:
    """Returns the address of an object's page."""
    match hit:
        case Customer():
            return f"/console/customers/{hit.id}"
        case Product():
            return f"/console/products/{hit.id}"
        case Ticket():
            return f"/console/tickets/{hit.id}"
        case Order():
            return f"/console/orders/{hit.id}"
        case _:
            return f"/console/subscriptions/{hit.id}"


def _can_be_looked_up(text: str) -> bool:
    """Tests whether it can be an id or an email, so that nothing else becomes a key."""
    return "@" in text or is_plain_id(text.replace(" ", "").replace("-", "").removeprefix("#"))
