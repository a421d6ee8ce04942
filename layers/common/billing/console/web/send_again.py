"""A mail is sent to a customer again from the page of its order (R-8, M-4)."""

from __future__ import annotations

from billing.console.web.pages import Desk, page
from billing.kernel.errors import Refused
from billing.outbox.flows import send_again
from billing.web import http

TEMPLATE = "console/send_again.html"


def offer(desk: Desk, order: str) -> http.Answer:
    """Says which mail goes to whom, and that nothing else happens."""
    try:
        found = send_again.find(desk.ports, desk.session.merchant, order)
    except Refused as refused:
        return _refused(desk, order, refused)
    return page(desk, TEMPLATE, order=order, found=found, refused=None)


def send(desk: Desk, order: str) -> http.Answer:
    """Has it sent; the order's page says so."""
    merchant = desk.session.merchant
    try:
        found = send_again.find(desk.ports, merchant, order)
        send_again.send(desk.ports, merchant, found, now=desk.now)
    except Refused as refused:
        return _refused(desk, order, refused)
    return http.redirect(f"/console/orders/{order}?done=sent_again")


def _refused(desk: Desk, order: str, refused: Refused) -> http.Answer:
    return page(desk, TEMPLATE, status=409, order=order, found=None, refused=refused)
