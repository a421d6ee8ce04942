"""The agents' queue in the console: filter, read, answer, decide (H-1 .. H-4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlencode

from billing.console.web import pages
from billing.console.web.pages import Desk
from billing.customers.flows import customers
from billing.customers.flows.latest_payment import latest_payment
from billing.helpdesk.flows import decision, helpdesk
from billing.helpdesk.flows import ticket as threads
from billing.helpdesk.flows.helpdesk import Filter
from billing.helpdesk.tickets import Ticket, TicketType
from billing.helpdesk.web.forms import Attempt
from billing.helpdesk.web.shapes import State, Text
from billing.kernel.departments import named
from billing.kernel.errors import BillingError, Invalid, NotFound, Refused
from billing.kernel.lists import Page
from billing.kernel.money import Money
from billing.kernel.orders import PAYMENTS, Order
from billing.kernel.storage import History
from billing.kernel.subscription import Subscription
from billing.refunds.flows import credit
from billing.team.rights import Area
from billing.web import http
from billing.web.inputs import Cursor, Input, Key, filled_in, read
from billing.web.problems import errors_of

PAGE_LENGTH = 50
STATES = ("open", "answered", "approved", "declined", "closed")
DONE = frozenset({"replied", "noted", "closed", "approved", "under_way", "declined", "reassigned"})
"""Codes of the confirmations that a ticket's page can show."""


class QueueQuery(Input):
    """The filter of the queue."""

    department: Key | None = None
    state: State | None = None
    cursor: Cursor | None = None


class ReplyForm(Input):
    """A reply: its text, and the action of the button that was pressed."""

    text: Text
    attempt: Attempt
    act: Literal["reply", "close", "note", "decline"]


class ApproveForm(Input):
    """An approval; `wish` where the requester only wrote about an order, `cancel` with a refund
    (B-7)."""

    wish: TicketType | None = None
    cancel: Literal["true"] | None = None


class ReassignForm(Input):
    """The department that a ticket is passed on to."""

    department: Key


def find_tickets(desk: Desk, query: QueueQuery, limit: int = PAGE_LENGTH) -> Page[Ticket]:
    """Finds tickets by department and state, newest first."""
    wanted = Filter(query.department, query.state)
    return helpdesk.page(
        desk.ports, desk.session.merchant, wanted, limit=limit, cursor=query.cursor, now=desk.now
    )


def queue_page(desk: Desk) -> http.Answer:
    """Lists the waiting tickets, or those that pass a filter, with each department's figures."""
    typed = {name: value.strip() for name, value in desk.request.query().items() if value.strip()}
    merchant = desk.session.merchant
    found: Page[Ticket] = Page((), None)
    wrong: Invalid | None = None
    try:
        found = find_tickets(desk, read(QueueQuery, typed))
    except Invalid as error:
        wrong = error
    kept = {name: value for name, value in typed.items() if name != "cursor"}
    return pages.page(
        desk,
        "console/tickets.html",
        status=422 if wrong else 200,
        tickets=found.data,
        departments=merchant.settings.departments.all,
        states=STATES,
        typed=typed,
        wrong=wrong,
        figures=helpdesk.service(desk.ports, merchant, now=desk.now),
        next_url=found.next and f"/console/tickets?{urlencode({**kept, 'cursor': found.next})}",
        first_url=f"/console/tickets?{urlencode(kept)}" if "cursor" in typed else None,
    )


def ticket_page(
    desk: Desk,
    ticket: str,
    *,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, BillingError] | None = None,
    status: int = 422,
) -> http.Answer:
    """Shows the thread, its customer and their purchases, and the effect of approving."""
    query, here = desk.request.query(), f"/console/tickets/{ticket}"
    cursor = None if errors else query.get("cursor") or None
    found = threads.thread(
        desk.ports, desk.merchant, ticket, limit=threads.SHOWN_AT_ONCE, cursor=cursor
    )
    about, merchant = found.ticket, desk.session.merchant
    history = _history(desk, about)
    order = _order(desk, about)
    effect = decision.effect(desk.ports, about)
    subscription = _subscription(history, about, order)
    what, given = query.get("done"), dict(typed or {})
    return pages.page(
        desk,
        "console/ticket.html",
        status=status if errors else 200,
        ticket=about,
        messages=found.messages,
        older=found.older and f"{here}?{urlencode({'cursor': found.older})}",
        newest=None if cursor is None else here,
        department=named(merchant.settings.departments.all, about.department),
        departments=merchant.settings.departments.all,
        history=history,
        order=order,
        refundable=_other_departments(order),
        cancels=_cancels_with(desk, history, order),
        subscription=subscription,
        credit=subscription and credit.at_end(desk.ports, merchant, subscription),
        effect=effect,
        amount=decision.next_amount(desk.ports, merchant, about, now=desk.now)
        if effect and effect.charge_at
        else None,
        now=desk.now,
        attempt=given.get("attempt") or desk.ports.new_id("key"),
        done=what if what in DONE else None,
        form=given,
        errors=errors or {},
    )


def reply(desk: Desk, ticket: str) -> http.Answer:
    """Sends a reply, a reply that closes the ticket, or a decline with these words, or adds a
    note."""
    typed = desk.request.form()
    try:
        given = read(ReplyForm, filled_in(typed))
        done = _write(desk, ticket, given)
    except Refused as refused:
        return _refused(desk, ticket, refused)
    except Invalid as error:
        return ticket_page(desk, ticket, typed=typed, errors=errors_of(error))
    return _back(ticket, done)


def approve(desk: Desk, ticket: str) -> http.Answer:
    """Approves the ticket: carried out, or under way where the gateway has not answered yet."""
    given = read(ApproveForm, filled_in(desk.request.form()))
    if not desk.may(Area.MONEY):
        wish = given.wish or threads.fresh(desk.ports, desk.merchant, ticket).wish
        if wish is TicketType.REFUND:  # approving it gives money back (M-9)
            desk.check(Area.MONEY)
    try:
        decided = decision.approve(
            desk.ports,
            desk.merchant,
            ticket,
            by="console",
            wish=given.wish,
            cancels=given.cancel is not None,
            now=desk.now,
        )
    except Refused as refused:
        return _refused(desk, ticket, refused)
    return _back(ticket, "under_way" if decided.is_under_way else "approved")


def reassign(desk: Desk, ticket: str) -> http.Answer:
    """Passes the ticket on to another department."""
    given = read(ReassignForm, filled_in(desk.request.form()))
    threads.reassign(desk.ports, desk.session.merchant, ticket, given.department, now=desk.now)
    return _back(ticket, "reassigned")


def _write(desk: Desk, ticket: str, given: ReplyForm) -> str:
    ports, merchant = desk.ports, desk.session.merchant
    if given.act == "decline":
        decision.decline(ports, merchant, ticket, given.text, by="console", now=desk.now)
        return "declined"
    write = threads.note if given.act == "note" else threads.answer
    closes = given.act == "close"
    write(ports, merchant.id, ticket, given.text, key=given.attempt, now=desk.now, closes=closes)
    return {"reply": "replied", "close": "closed", "note": "noted"}[given.act]


def _refused(desk: Desk, ticket: str, refused: Refused) -> http.Answer:
    """Shows the ticket's own page with the reason why it could not be done."""
    return ticket_page(desk, ticket, errors={"": refused}, status=409)


def _history(desk: Desk, found: Ticket) -> History | None:
    if found.customer is None:
        return None
    try:
        return customers.overview(desk.ports, desk.merchant, found.customer, now=desk.now).history
    except NotFound:
        return None


def _order(desk: Desk, found: Ticket) -> Order | None:
    """Returns the payment that the ticket is about, if it is the requester's own."""
    wanted = found.about if found.wish is TicketType.REFUND else found.order
    order = wanted and desk.ports.store.order_by_id(desk.merchant, wanted)
    if not order or found.customer is None or order.customer != found.customer:
        return None
    return order if order.kind in PAYMENTS else None


def _other_departments(order: Order | None) -> Money | None:
    """Returns the amount that a refund would give back."""
    if order is None:
        return None
    left = order.amount - Money(order.refunded_minor, order.amount.currency)
    return left or None


def _subscription(
    history: History | None, found: Ticket, order: Order | None
) -> Subscription | None:
    wanted = found.about if found.wish is TicketType.CANCEL else (order and order.subscription)
    subscriptions = () if history is None else history.subscriptions
    return next((s for s in subscriptions if s.id == wanted), None)


def _cancels_with(
    desk: Desk, history: History | None, order: Order | None
) -> tuple[Subscription, bool] | None:
    """Returns the live subscription of a refunded payment, and whether the payment is its latest
    (B-7)."""
    if history is None or order is None or order.subscription is None:
        return None
    found = next((s for s in history.subscriptions if s.id == order.subscription), None)
    if found is None or not found.is_live:
        return None
    latest = latest_payment(desk.ports, found)
    return found, latest is not None and latest.order_id == order.id


def _back(ticket: str, what: str) -> http.Answer:
    return http.redirect(f"/console/tickets/{ticket}?done={what}")
