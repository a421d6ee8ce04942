"""A link into the portal that a merchant makes for a customer, shown once (B-3, M-4)."""

from __future__ import annotations

from billing.console.web.pages import Desk, done, page
from billing.customers.flows import portal_links
from billing.kernel.errors import Refused
from billing.web import http
from billing.web.request import plain_id

TEMPLATE = "console/portal_link.html"


def offer(desk: Desk, customer: str) -> http.Answer:
    """Says what a link does, before one is made."""
    found = portal_links.known(desk.ports, desk.merchant, customer)
    subscription = desk.request.query().get("subscription") or None
    return page(
        *(desk, TEMPLATE),
        customer=found,
        subscription=subscription and plain_id(subscription),
        link=None,
        refused=None,
    )


def mail(desk: Desk, customer: str) -> http.Answer:
    """Has a link mailed to the customer; their page says so."""
    found = portal_links.known(desk.ports, desk.merchant, customer)
    try:
        portal_links.mail(desk.ports, desk.session.merchant, customer, now=desk.now)
    except Refused as refused:
        return page(
            *(desk, TEMPLATE),
            status=409,
            customer=found,
            subscription=None,
            link=None,
            refused=refused,
        )
    return done(customer, "link_mailed")


def make(desk: Desk, customer: str) -> http.Answer:
    """Makes a link and shows it."""
    found = portal_links.known(desk.ports, desk.merchant, customer)
    subscription = desk.request.form().get("subscription") or None
    if subscription is not None:
        subscription = plain_id(subscription)
    link, refused = None, None
    try:
        link = portal_links.create(
            *(desk.ports, desk.session.merchant, found.id),
            subscription=subscription,
            now=desk.now,
        )
    except Refused as error:
        refused = error
    return page(
        *(desk, TEMPLATE),
        status=409 if refused else 200,
        customer=found,
        subscription=subscription,
        link=link,
        refused=refused,
    )
