"""Notices that were missed, in the console, until somebody has looked at each (X-12)."""

from __future__ import annotations

from urllib.parse import urlencode

from billing.console.web.pages import PAGE_LENGTH, Desk, page
from billing.kernel.flows import subscriptions
from billing.notices.flows import remind
from billing.web import http
from billing.web.request import is_plain_id

NOTICES_SHOWN = 200
"""The most proofs of notices that a page shows: a dozen a year."""


def missed_list(desk: Desk) -> http.Answer:
    """Lists notices whose window closed before they were sent, newest first."""
    query = desk.request.query()
    before = query.get("before") or None
    before = before if before is not None and is_plain_id(before) else None
    found = desk.ports.store.missed_notices(desk.merchant, limit=PAGE_LENGTH + 1, before=before)
    shown = found[:PAGE_LENGTH]
    more = len(found) > PAGE_LENGTH
    here = "/console/notices"
    return page(
        desk,
        "console/notices.html",
        missed=shown,
        done="seen" if query.get("done") == "seen" else None,
        next_url=f"{here}?{urlencode({'before': shown[-1].id})}" if more else None,
        first_url=here if before is not None else None,
    )


def see(desk: Desk, missed: str) -> http.Answer:
    """Notes that somebody looked at a missed notice; twice is once."""
    remind.see(desk.ports, desk.merchant, missed, now=desk.now)
    return http.redirect("/console/notices?done=seen")


def sent_list(desk: Desk, subscription: str) -> http.Answer:
    """Lists the notices that were sent about a subscription, with their text as proof."""
    found = subscriptions.fresh(desk.ports, desk.merchant, subscription)
    proofs = desk.ports.store.notice_records(desk.merchant, found.customer, found.id, NOTICES_SHOWN)
    return page(
        desk,
        "console/notices_sent.html",
        subscription=found,
        notices=sorted(proofs, key=lambda each: each.sent_at, reverse=True),
    )
