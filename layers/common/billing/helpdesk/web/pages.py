"""The helpdesk's pages: departments, a request, its confirmation, the thread (B-1, H-1 .. H-3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest
from typing import Any

from billing.customers.web import portal_session
from billing.customers.web.portal_session import SignedOut, Visit
from billing.helpdesk.cancellation_request import Effect
from billing.helpdesk.flows import decision, draft, open_ticket, sellers, ticket
from billing.helpdesk.messages import Author
from billing.helpdesk.tickets import Ownership, Thread, Ticket, TicketType
from billing.kernel.departments import Ask, Department, named
from billing.kernel.errors import Invalid, NotFound
from billing.kernel.merchants import Merchant, PortalKind
from billing.kernel.money import Money
from billing.kernel.ports import Ports
from billing.web import custom_domains, http, languages, sessions
from billing.web.problems import errors_of
from billing.web.request import Request, plain_id

KEYED = "~"
"""The mark in a reference that carries its own key, as those in mails do."""


class Closed(portal_session.Closed):
    """The merchant has activated no pages for customers (B-1)."""

    code = "helpdesk_closed"


@dataclass(frozen=True, slots=True)
class Caller:
    """A request for a page of a merchant's helpdesk, signed in or not."""

    ports: Ports
    request: Request
    merchant: Merchant
    visit: Visit | None
    now: datetime

    @property
    def base(self) -> str:
        return custom_domains.helpdesk(self.request, self.merchant)

    @property
    def language(self) -> str:
        if self.visit is not None:
            return self.visit.account.customer.language
        return languages.spoken(self.merchant, self.request)

    def show(self, template: str, *, status: int = 200, **values: Any) -> http.Answer:
        """Renders a page of the helpdesk, with the way to My Orders around it."""
        visit = self.visit
        return http.page(
            f"helpdesk/{template}.html",
            self.language,
            status=status,
            merchant=self.merchant,
            open=self.merchant.settings.portal is not None,
            helpdesk=self.merchant.settings.portal is PortalKind.HELPDESK,
            base=custom_domains.portal(self.request, self.merchant),
            desk=self.base,
            customer=None if visit is None else visit.account.customer,
            csrf=None if visit is None else sessions.csrf_of(visit.token),
            zone=self.merchant.settings.time_zone,
            now=self.now,
            **{"test": visit is not None and visit.account.customer.test, **values},
        )


def caller(ports: Ports, request: Request, merchant: str, *, now: datetime) -> Caller:
    """Returns the caller of a page; raises `NotFound` for an unknown merchant."""
    found = ports.store.merchant(plain_id(merchant))
    if found is None:
        raise NotFound()
    visit = portal_session.find_visit(ports, request, found, now)
    return Caller(ports, request, found, visit, now)


def sender(ports: Ports, request: Request, merchant: str, *, now: datetime) -> Caller:
    """Returns the caller that sent a form: one of our own, and of the session if there is one."""
    sessions.check_origin(request)
    found = caller(ports, request, merchant, now=now)
    if found.visit is not None:
        sessions.check_form(request, found.visit.token)
    return found


def front(who: Caller) -> http.Answer:
    """Lists the departments, each with its purpose (H-1)."""
    _open(who)
    departments = who.merchant.settings.departments.all
    return who.show("front", departments=departments, is_platform=_is_platform(who))


def seller(who: Caller) -> http.Answer:
    """Shows the seller of a product, and how to reach them: the platform cannot help with it
    (H-7)."""
    _open(who)
    words = who.request.query().get("product", "")
    found = sellers.find(who.ports, words) if words.strip() else None
    return who.show("seller", words=words, seller=found)


def form(
    who: Caller,
    department: str,
    *,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, Invalid] | None = None,
) -> http.Answer:
    """Shows the form of a department."""
    _open(who)
    found = _department(who, department)
    given = dict(typed or {})
    routed = who.merchant.settings.departments
    wishes = [
        wish
        for wish, taker in ((TicketType.CANCEL, routed.cancel), (TicketType.REFUND, routed.refund))
        if taker == found.id
    ]
    payments = () if who.visit is None else _payments(who.visit)
    return who.show(
        "form",
        status=422 if errors else 200,
        department=found,
        asks=tuple(each for each in found.asks if each not in {Ask.NAME, Ask.ORDER}),
        wishes=wishes if who.visit is None or payments else [],
        asks_order=bool(wishes) or Ask.ORDER in found.asks,
        asks_name=Ask.NAME in found.asks and who.visit is None,
        payments=payments,
        attempt=given.get("attempt") or who.ports.new_id("key"),
        form=given,
        errors=errors or {},
    )


def submit_request(who: Caller, department: str) -> http.Answer:
    """Takes a request: at once from the signed-in portal, else once its mailed link is followed
    (H-2)."""
    from billing.helpdesk.web.forms import request_form

    _open(who)
    found, typed = _department(who, department), who.request.form()
    try:
        given = request_form(typed)
        email = who.visit.account.customer.email if who.visit is not None else given.email
        if email is None:
            raise Invalid("required", field="email")
        request = given.request(found, email, who.language)
        if who.visit is None:
            draft.write(who.ports, who.merchant, request, ip=who.request.ip, now=who.now)
            return who.show("sent", status=202, email=email)
        if request.order is not None:
            _payment(who.visit, request.order)
    except Invalid as error:
        return form(who, department, typed=typed, errors=errors_of(error))
    ticket.count_words(who.ports, who.merchant.id, who.visit.customer, now=who.now)
    opened = open_ticket.open_one(
        who.ports,
        who.merchant,
        request,
        customer=who.visit.customer,
        ownership=Ownership.PORTAL,
        now=who.now,
    )
    return http.redirect(f"{who.base}/tickets/{opened.id}?done=sent")


def confirm_page(who: Caller, token: str) -> http.Answer:
    """Shows the draft, and its effect, before it is sent (X-8)."""
    request = _draft(who, token)
    seen = draft.preview(who.ports, who.merchant, request, now=who.now)
    effect = decision.effect(who.ports, seen)
    return who.show(
        "confirm",
        asked=request,
        ticket=seen,
        department=named(who.merchant.settings.departments.all, request.department),
        mismatch=request.order is not None and request.wish is not None and seen.about is None,
        is_platform=_is_platform(who),
        effect=effect,
        amount=charge_of(who.ports, seen, effect),
    )


def confirm_request(who: Caller, token: str) -> http.Answer:
    """Opens the ticket of a draft; pressed twice it is one."""
    opened = draft.confirm(who.ports, who.merchant, _draft(who, token), now=who.now)
    return http.redirect(f"{who.base}/tickets/{opened.id}{KEYED}{opened.access_key}?done=sent")


def ticket_list(who: Caller) -> http.Answer:
    """Lists a signed-in customer's own requests."""
    visit = _signed_in(who)
    found = who.ports.store.tickets_of(who.merchant.id, visit.customer)
    return who.show("tickets", tickets=found)


def ticket_page(
    who: Caller,
    reference: str,
    *,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, Invalid] | None = None,
) -> http.Answer:
    """Shows the thread to a signed-in customer, or to the bearer of the link in their mail."""
    found = _thread(who, reference)
    effect = decision.effect(who.ports, found.ticket)
    given = dict(typed or {})
    return who.show(
        "thread",
        status=422 if errors else 200,
        ticket=found.ticket,
        messages=found.public,
        department=named(who.merchant.settings.departments.all, found.ticket.department),
        effect=effect,
        amount=charge_of(who.ports, found.ticket, effect),
        reference=reference,
        done=who.request.query().get("done") == "sent",
        attempt=given.get("attempt") or who.ports.new_id("key"),
        form=given,
        errors=errors or {},
        test=found.ticket.test,
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


def charge_of(ports: Ports, found: Ticket, effect: Effect | None) -> Money | None:
    """Returns the amount of a charge that is still to be made (X-8)."""
    if effect is None or effect.charge_at is None:
        return None
    return decision.next_amount(ports, found)


def _is_platform(who: Caller) -> bool:
    return who.merchant.id == who.ports.operation.platform


def _open(who: Caller) -> None:
    if who.merchant.settings.portal is None:
        raise Closed(merchant=who.merchant.name)


def _department(who: Caller, department: str) -> Department:
    found = named(who.merchant.settings.departments.all, department)
    if found is None:
        raise NotFound("department_unknown")
    return found


def _draft(who: Caller, token: str) -> open_ticket.Request:
    found = draft.of_link(who.ports, who.merchant.id, token, now=who.now)
    if found is None:
        raise NotFound(code="ticket_link_over")
    return found


def _signed_in(who: Caller) -> Visit:
    if who.visit is None:
        raise SignedOut()
    return who.visit


def _thread(who: Caller, reference: str) -> Thread:
    """Returns the thread by the key in a mail, or under the customer's own; never anybody
    else's."""
    name, _, key = reference.partition(KEYED)
    if not key:
        visit = _signed_in(who)
        return ticket.of_customer(who.ports, who.merchant.id, visit.customer, plain_id(name))
    found = ticket.thread(who.ports, who.merchant.id, plain_id(name))
    if not compare_digest(found.ticket.access_key.encode(), key.encode()):
        raise NotFound("ticket_unknown")
    return found


def _payments(visit: Visit) -> tuple[Any, ...]:
    """Lists the payments that a signed-in customer can choose from, newest first."""
    entries = [entry.order for bought in visit.account.purchases for entry in bought.payments]
    return tuple(sorted(entries, key=lambda order: order.at, reverse=True))


def _payment(visit: Visit, order: str) -> None:
    if order not in {each.id for each in _payments(visit)}:
        raise Invalid("not_your_order", field="order")
