"""The helpdesk's pages: departments, a request, its confirmation (B-1, H-1, H-2)."""

from __future__ import annotations

from collections.abc import Mapping

from billing.customers.web.portal_session import Visit
from billing.helpdesk.flows import decision, draft, open_ticket, sellers, ticket
from billing.helpdesk.tickets import Ownership, TicketType
from billing.helpdesk.web import caller, thread_pages
from billing.helpdesk.web.caller import Caller
from billing.kernel.departments import Ask, Department, named
from billing.kernel.errors import Invalid, NotFound
from billing.kernel.orders import PAYMENTS, Order
from billing.web import http
from billing.web.problems import errors_of

PAYMENTS_MOST = 50
"""The entries of a customer that a request can choose its payment from."""


def front(who: Caller) -> http.Answer:
    """Lists the departments, each with its purpose (H-1)."""
    caller.refuse_closed(who)
    departments = who.merchant.settings.departments.all
    return who.show("front", departments=departments, is_platform=_is_platform(who))


def seller(who: Caller) -> http.Answer:
    """Shows the seller of a product, and how to reach them: the platform cannot help with it
    (H-7)."""
    caller.refuse_closed(who)
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
    caller.refuse_closed(who)
    found = _department(who, department)
    given = dict(typed or {})
    routed = who.merchant.settings.departments
    wishes = [
        wish
        for wish, taker in ((TicketType.CANCEL, routed.cancel), (TicketType.REFUND, routed.refund))
        if taker == found.id
    ]
    payments = () if who.visit is None else _payments(who, who.visit)
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

    caller.refuse_closed(who)
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
            _refuse_others(who, who.visit, request.order)
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
        amount=thread_pages.charge_of(who, seen, effect),
    )


def confirm_request(who: Caller, token: str) -> http.Answer:
    """Opens the ticket of a draft; pressed twice it is one."""
    opened = draft.confirm(who.ports, who.merchant, _draft(who, token), now=who.now)
    key = thread_pages.key_of(who, opened)
    reference = opened.id if key is None else f"{opened.id}{thread_pages.KEYED}{key}"
    return http.redirect(f"{who.base}/tickets/{reference}?done=sent")


def _is_platform(who: Caller) -> bool:
    return who.merchant.id == who.ports.operation.platform


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


def _payments(who: Caller, visit: Visit) -> tuple[Order, ...]:
    """Lists the newest payments, for a signed-in customer to choose from."""
    page = who.ports.store.orders_of(visit.merchant.id, visit.customer, limit=PAYMENTS_MOST)
    return tuple(order for order in page.data if order.kind in PAYMENTS)


def _refuse_others(who: Caller, visit: Visit, order: str) -> None:
    """Refuses an order that is no payment of the customer's own."""
    found = who.ports.store.order_by_id(visit.merchant.id, order)
    if found is None or found.customer != visit.customer or found.kind not in PAYMENTS:
        raise Invalid("not_your_order", field="order")
