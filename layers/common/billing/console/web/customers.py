"""The customers of a merchant in the console: each with what they hold and paid (M-1, H-6)."""

from __future__ import annotations

from urllib.parse import urlencode

from billing.console.web.pages import DONE, Desk, done, page
from billing.customers.flows import customers
from billing.outbox.flows import suppressions
from billing.tax.flows import kept_evidence
from billing.web import http


def customer_page(desk: Desk, customer: str) -> http.Answer:
    """Shows one customer with what they hold, and their orders page by page."""
    query = desk.request.query()
    cursor, what = query.get("cursor") or None, query.get("done")
    overview = customers.overview(desk.ports, desk.merchant, customer, now=desk.now, cursor=cursor)
    held = [each.id for each in overview.history.subscriptions]
    known = kept_evidence.of_purchases(desk.ports, desk.merchant, customer, held)
    here = f"/console/customers/{customer}"
    return page(
        desk,
        "console/customer.html",
        overview=overview,
        evidence=known.by_purchase,
        now=desk.now,
        done=what if what in DONE else None,
        next_url=overview.older and f"{here}?{urlencode({'cursor': overview.older})}",
        first_url=here if cursor is not None else None,
    )


def resume_mail(desk: Desk, customer: str) -> http.Answer:
    """Lets mail go to the customer's address again."""
    suppressions.lift(desk.ports, desk.merchant, customer, now=desk.now)
    return done(customer, "mail_resumed")
