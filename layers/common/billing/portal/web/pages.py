"""The portal's front pages: sign-in and sign-out, purchases, errors (B-1 .. B-5)."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from billing.cancel.web import endings
from billing.cards.flows import cards
from billing.customers.flows import customer_view, login, mailed_code
from billing.customers.flows.login import OverLimit
from billing.customers.web import portal_session as session
from billing.customers.web.portal_session import SignedOut, Visit
from billing.invoices.flows import documents
from billing.kernel.customers import Customer
from billing.kernel.errors import Invalid, Refused
from billing.kernel.merchants import Merchant, PortalKind
from billing.kernel.ports import Ports
from billing.plans.flows import offered_plans
from billing.portal.flows import portal
from billing.render.einvoice import NoEInvoice
from billing.runtime import telemetry
from billing.web import custom_domains, http, languages, sessions
from billing.web.emails import with_ascii_domain
from billing.web.request import Request, plain_id, plain_reference

LINKED = "~"
"""The separator in a reference that carries its own key, as those in mails do."""

TYPED_MOST = 320
"""Characters of what is typed into the login form; a longer input matches no customer."""

DONE = frozenset(
    {
        "address",
        "card_added",
        "card_default",
        "card_removed",
        "undone",
        "paying",
        "signed_out",
        "frozen",
        "thawed",
        "coupon",
        "plan",
        "plan_later",
        "paused",
        "resumed",
        "price",
    }
)
"""The confirmations that a page can show."""


def front(ports: Ports, request: Request, merchant: str, *, now: datetime) -> http.Answer:
    """Shows the purchases of a signed-in customer, and the login form to everybody else."""
    found = session.open_portal(ports, merchant)
    visit = session.find_visit(ports, request, found, now)
    if visit is None:
        return _form(ports, request, merchant, "login", done=_done(request))
    cursor = request.query().get("before") or None
    try:
        shown = customer_view.payments(ports, visit.account, cursor=cursor, now=now)
    except Invalid:
        return http.redirect(visit.base)  # a place of no list of theirs: the first page instead
    return session.show(
        visit,
        "purchases",
        purchases=shown.purchases,
        older=shown.older and f"{visit.base}?{urlencode({'before': shown.older})}",
        newest=visit.base if cursor is not None else None,
        shown=customer_view.PAYMENTS_SHOWN,
        changeable=offered_plans.changeable(ports, found, visit.account.history.subscriptions, now),
        elsewhere=cards.held_by(ports, visit.account.customer, visit.account.history).elsewhere,
        done=_done(request),
        helpdesk=found.settings.portal is PortalKind.HELPDESK,
        # Whatever its merchant lets customers do here: the law's way out is on the page.
        endings=endings.for_visitor(request, found, visit.account.customer.language, now),
    )


def log_in(ports: Ports, request: Request, merchant: str, *, now: datetime) -> http.Answer:
    """Signs in by Order ID and email; one answer whatever is wrong with them (B-2, B-3).

    Once a limit is used up, the answer to right and wrong ones alike asks for a mailed code.
    """
    sessions.check_origin(request)
    found = session.open_portal(ports, merchant)
    typed = request.form()
    order = typed.get("order_id", "")[:TYPED_MOST]
    email = with_ascii_domain(typed.get("email", "")[:TYPED_MOST])
    customer = login.by_order(ports, found.id, order, email, ip=request.ip, now=now)
    if isinstance(customer, OverLimit):
        telemetry.happened("portal sign-in limited", merchant=found.id, request_id=request.id)
        token = mailed_code.challenge(ports, found.id, customer.customer, email, now=now)
        return _form(ports, request, merchant, "login_code", status=401, token=token)
    # What was typed is not given back, so that every refusal is the same to the byte.
    return _enter(ports, request, found, customer, now) or _form(
        ports, request, merchant, "login", status=401, failed=True
    )


def log_in_by_code(ports: Ports, request: Request, merchant: str, *, now: datetime) -> http.Answer:
    """Signs in by the code that was mailed when a limit was used up (B-3)."""
    sessions.check_origin(request)
    found = session.open_portal(ports, merchant)
    typed = request.form()
    token, code = (typed.get(name, "")[:TYPED_MOST] for name in ("challenge", "code"))
    customer = mailed_code.answer(ports, found.id, token, code, now=now)
    return _enter(ports, request, found, customer, now) or _form(
        ports, request, merchant, "login_code", status=401, failed=True, token=token
    )


def _enter(
    ports: Ports,
    request: Request,
    found: Merchant,
    customer: Customer | None,
    now: datetime,
    *,
    purchase: str | None = None,
) -> http.Answer | None:
    """Begins the session of a customer; returns None for nobody, which is noted too."""
    message = "portal sign-in" if customer is not None else "portal sign-in refused"
    telemetry.happened(message, merchant=found.id, request_id=request.id)
    if customer is None:
        return None
    cookie = session.enter(ports, request, found, customer, now)
    place = "" if purchase is None else f"#{purchase}"
    return http.redirect(f"{custom_domains.portal(request, found)}{place}", cookies=[cookie])


def link_form(ports: Ports, request: Request, merchant: str) -> http.Answer:
    """Shows the form on which somebody without an Order ID asks for a link by mail."""
    return _form(ports, request, merchant, "link")


def ask_for_link(ports: Ports, request: Request, merchant: str, *, now: datetime) -> http.Answer:
    """Mails a sign-in link; shows the same page to everybody, however often they ask."""
    sessions.check_origin(request)
    found = session.open_portal(ports, merchant)
    email = with_ascii_domain(request.form().get("email", "")[:TYPED_MOST])
    login.ask_for_link(ports, found.id, email, ip=request.ip, now=now)
    return _form(ports, request, merchant, "link_sent", status=202)


def offer_link(
    ports: Ports, request: Request, merchant: str, token: str, *, now: datetime
) -> http.Answer:
    """Shows a button to sign in: a scanner that follows the links in a mail does not press it."""
    found = session.open_portal(ports, merchant)
    if not login.is_link_valid(ports, found.id, token, now=now):
        raise SignedOut(code="portal_link_over")
    return _form(ports, request, merchant, "link_enter", token=token)


def use_link(
    ports: Ports, request: Request, merchant: str, token: str, *, now: datetime
) -> http.Answer:
    """Signs in the person who pressed the button."""
    sessions.check_origin(request)
    found = session.open_portal(ports, merchant)
    entry = login.by_link(ports, found.id, token, now=now)
    if entry is None:
        raise SignedOut(code="portal_link_over")
    answer = _enter(ports, request, found, entry.customer, now, purchase=entry.purchase)
    assert answer is not None, "there is a customer"
    return answer


def log_out(ports: Ports, visit: Visit) -> http.Answer:
    """Ends the session here, whoever still holds its cookie."""
    cookie = sessions.end(ports, visit.request, session.REALM, visit.token, visit.now)
    return http.redirect(f"{visit.base}?done=signed_out", cookies=[cookie])


def invoice(
    ports: Ports, request: Request, merchant: str, reference: str, *, now: datetime
) -> http.Answer:
    """Returns an invoice, by a mail's link or, signed in, by its id or Order ID (B-5, C-3)."""
    if LINKED in reference:
        pdf = documents.download(ports, plain_id(merchant), plain_reference(reference))
        return http.file(pdf, "invoice.pdf")
    visit = session.required(ports, request, merchant, now)
    return http.file(portal.invoice_pdf(ports, visit.account, reference), "invoice.pdf")


def credit_note(
    ports: Ports, request: Request, merchant: str, reference: str, *, now: datetime
) -> http.Answer:
    """Returns the credit note of a refund, signed in, by the refund's Order ID (B-12)."""
    visit = session.required(ports, request, merchant, now)
    return http.file(portal.credit_note_pdf(ports, visit.account, reference), "credit-note.pdf")


def e_invoice(
    ports: Ports, request: Request, merchant: str, reference: str, *, now: datetime
) -> http.Answer:
    """Returns an invoice as XML, found as `invoice` finds it; refused where it has none (M-13)."""
    if LINKED in reference:
        found = documents.download_xml(ports, plain_id(merchant), plain_reference(reference))
    else:
        visit = session.required(ports, request, merchant, now)
        found = portal.invoice_xml(ports, visit.account, reference)
    if isinstance(found, NoEInvoice):
        raise Refused("e_invoice_none", code="no_e_invoice")
    return http.file(found, "invoice.xml", http.XML)


def _form(
    ports: Ports,
    request: Request,
    merchant: str,
    template: str,
    *,
    status: int = 200,
    failed: bool = False,
    done: str | None = None,
    token: str | None = None,
) -> http.Answer:
    found = session.open_portal(ports, merchant)
    return http.page(
        f"portal/{template}.html",
        languages.spoken(found, request),
        status=status,
        merchant=found,
        base=custom_domains.portal(request, found),
        failed=failed,
        done=done,
        token=token,
        endings=endings.for_visitor(
            request, found, languages.spoken(found, request), ports.clock()
        ),
    )


def _done(request: Request) -> str | None:
    what = request.query().get("done")
    return what if what in DONE else None
