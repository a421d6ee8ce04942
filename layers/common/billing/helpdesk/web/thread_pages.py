"""Pages of a customer's own tickets: the list, one thread, a reply to it (H-3)."""

from __future__ import annotations

from collections.abc import Mapping
from hmac import compare_digest
from typing import Any
from urllib.parse import urlencode

from billing.helpdesk import thread_links
from billing.helpdesk.cancellation_request import Effect
from billing.helpdesk.flows import decision, ticket
from billing.helpdesk.messages import Author
from billing.helpdesk.tickets import Thread, Ticket
from billing.helpdesk.web import caller
from billing.helpdesk.web.caller import Caller
from billing.kernel.departments import named
from billing.kernel.errors import Invalid, NotFound
from billing.kernel.money import Money
from billing.web import http
from billing.web.problems import errors_of
from billing.web.request import plain_id

TICKETS_SHOWN = 50
KEYED = "~"
"""The mark in a reference that carries its own key, as those in mails do."""


def ticket_list(who: Caller) -> http.Answer:
    """Lists a signed-in customer's own requests."""
    visit = caller.signed_in(who)
    cursor = _cursor(who)
    here = f"{who.base}/tickets"
    try:
        page = who.ports.store.tickets_of(
            who.merchant.id, visit.customer, limit=TICKETS_SHOWN, cursor=cursor
        )
    except Invalid:
        return http.redirect(here)  # a place of no list of theirs: the first page instead
    return who.show("tickets", tickets=page.data, **_pager(here, cursor, page.next))


def ticket_page(
    who: Caller,
    reference: str,
    *,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, Invalid] | None = None,
) -> http.Answer:
    """Shows the thread to a signed-in customer, or to the bearer of the link in their mail."""
    cursor = None if errors else _cursor(who)
    try:
        found = _thread(who, reference, cursor)
    except Invalid:
        return http.redirect(f"{who.base}/tickets/{reference}")
    effect = decision.effect(who.ports, found.ticket)
    given = dict(typed or {})
    return who.show(
        "thread",
        status=422 if errors else 200,
        ticket=found.ticket,
        messages=found.public,
        department=named(who.merchant.settings.departments.all, found.ticket.department),
        effect=effect,
        amount=charge_of(who, found.ticket, effect),
        reference=reference,
        done=who.request.query().get("done") == "sent",
        attempt=given.get("attempt") or who.ports.new_id("key"),
        form=given,
        errors=errors or {},
        test=found.ticket.test,
        **_pager(f"{who.base}/tickets/{reference}", cursor, found.older),
    )


def reply(who: Caller, reference: str) -> http.Answer:
    """Adds the requester's message."""
    from billing.helpdesk.web.forms import reply_form

    found, typed = _thread(who, reference), who.request.form()
    try:
        given = reply_form(typed)
        ticket.count_words(who.ports, who.merchant.id, found.ticket.id, now=who.now)
        ticket.reply(
            who.ports,
            who.merchant.id,
            found.ticket.id,
            given.text,
            author=Author.CUSTOMER,
            key=given.attempt,
            now=who.now,
        )
    except Invalid as error:
        return ticket_page(who, reference, typed=typed, errors=errors_of(error))
    return http.redirect(f"{who.base}/tickets/{reference}?done=sent")


def charge_of(who: Caller, found: Ticket, effect: Effect | None) -> Money | None:
    """Returns the amount of a charge that is still to be made (X-8)."""
    if effect is None or effect.charge_at is None:
        return None
    return decision.next_amount(who.ports, who.merchant, found, now=who.now)


def _cursor(who: Caller) -> str | None:
    return who.request.query().get("cursor") or None


def _pager(here: str, cursor: str | None, older: str | None) -> dict[str, Any]:
    """Returns the addresses of the other pages of a list."""
    return {
        "older": older and f"{here}?{urlencode({'cursor': older})}",
        "newest": None if cursor is None else here,
    }


def _thread(who: Caller, reference: str, cursor: str | None = None) -> Thread:
    """Returns the thread by the key in a mail, or under the customer's own; never anybody
    else's."""
    name, _, key = reference.partition(KEYED)
    if not key:
        visit = caller.signed_in(who)
        return ticket.of_customer(
            who.ports,
            who.merchant.id,
            visit.customer,
            plain_id(name),
            limit=ticket.SHOWN_AT_ONCE,
            cursor=cursor,
        )
    found = ticket.thread(
        who.ports,
        who.merchant.id,
        plain_id(name),
        limit=ticket.SHOWN_AT_ONCE,
        cursor=cursor,
    )
    if not compare_digest((key_of(who, found.ticket) or "").encode(), key.encode()):
        raise NotFound("ticket_unknown")
    return found


def key_of(who: Caller, found: Ticket) -> str | None:
    """Returns the key of a thread's link for the reader of the mailbox where it is answered now;
    None where no such link can have been mailed."""
    reached = found.reached_by(ticket.find_customer(who.ports, found))
    return thread_links.key_of(found, reached, who.merchant.link_key)
