"""Another email in the portal: asked for, then confirmed from both mailboxes (B-12)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from billing.customers.flows import email_change
from billing.customers.web import portal_session as session
from billing.customers.web.portal_session import SignedOut, Visit, show
from billing.kernel.errors import Invalid, Refused
from billing.kernel.merchants import Merchant
from billing.kernel.ports import Ports
from billing.web import custom_domains, http, languages, sessions
from billing.web.problems import errors_of
from billing.web.request import Request


def email_form(
    visit: Visit,
    *,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, Invalid] | None = None,
) -> http.Answer:
    """Shows the form for a new email."""
    return show(
        visit,
        "email",
        status=422 if errors else 200,
        form=typed or {},
        errors=errors or {},
    )


def ask(ports: Ports, visit: Visit) -> http.Answer:
    """Mails a link to both addresses, and says so."""
    from billing.portal.web.forms import EmailForm, form

    typed = visit.request.form()
    try:
        given = form(EmailForm, typed)
        customer = visit.account.customer
        new = email_change.ask(ports, customer, given.email, now=visit.now)
    except Invalid as error:
        return email_form(visit, typed=typed, errors=errors_of(error))
    return show(visit, "email_asked", status=202, new=new)


def confirm_form(
    ports: Ports, request: Request, merchant: str, token: str, *, now: datetime
) -> http.Answer:
    """Shows a button that confirms: a scanner that follows the links in a mail does not press
    it."""
    found = session.open_portal(ports, merchant)
    asked = email_change.asked(ports, found.id, token, now=now)
    if asked is None:
        raise SignedOut(code="portal_link_over")
    return _page(request, found, "email_confirm", asked=asked, token=token)


def confirm(
    ports: Ports, request: Request, merchant: str, token: str, *, now: datetime
) -> http.Answer:
    """Confirms one end of the change; with the second the email is changed."""
    sessions.check_origin(request)
    found = session.open_portal(ports, merchant)
    asked = email_change.asked(ports, found.id, token, now=now)
    try:
        changed = email_change.confirm(ports, found.id, token, now=now)
    except Refused as refused:
        if refused.code != "email_taken":
            raise
        return _page(request, found, "email_confirmed", status=409, refused=refused)
    if changed is None or asked is None:
        raise SignedOut(code="portal_link_over")
    return _page(request, found, "email_confirmed", asked=asked, changed=changed, refused=None)


def _page(
    request: Request, merchant: Merchant, template: str, *, status: int = 200, **values: Any
) -> http.Answer:
    return http.page(
        f"portal/{template}.html",
        languages.spoken(merchant, request),
        status=status,
        merchant=merchant,
        base=custom_domains.portal(request, merchant),
        **values,
    )
