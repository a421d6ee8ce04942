"""A ticket that the merchant enters in somebody's name, by the input of /v1 (H-2, H-6)."""

from __future__ import annotations

from collections.abc import Mapping

from billing.console.web.pages import Desk, page
from billing.helpdesk.flows import helpdesk
from billing.helpdesk.tickets import TicketType
from billing.helpdesk.web.forms import Attempt
from billing.helpdesk.web.shapes import NewTicketInput
from billing.kernel.errors import Invalid
from billing.web import http
from billing.web.inputs import filled_in, read
from billing.web.problems import errors_of

PREFILLED = ("email", "order", "department")
FIELDS = (*PREFILLED, "name", "subject", "text", "wish")


class NewTicketForm(NewTicketInput):
    """The form; `attempt` was drawn with the page, so that sent twice it is one ticket."""

    attempt: Attempt


def form_page(
    desk: Desk,
    *,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, Invalid] | None = None,
) -> http.Answer:
    """Shows the form; email and Order ID come with the link of a customer's or an order's page."""
    query = desk.request.query()
    form = {name: query[name][:254] for name in PREFILLED if name in query}
    form |= {} if typed is None else typed
    return page(
        *(desk, "console/ticket_new.html"),
        status=422 if errors else 200,
        form=form,
        errors=errors or {},
        departments=desk.session.merchant.settings.departments.all,
        wishes=tuple(TicketType),
        attempt=form.get("attempt") or desk.ports.new_id("key"),
    )


def open_ticket(desk: Desk) -> http.Answer:
    """Opens the ticket and leads to it."""
    typed = desk.request.form()
    try:
        given = read(NewTicketForm, filled_in(typed))
        asked = NewTicketInput(**given.model_dump(exclude={"attempt"})).request(given.attempt)
        opened = helpdesk.open_for(desk.ports, desk.session.merchant, asked, now=desk.now)
    except Invalid as error:
        return form_page(desk, typed=typed, errors=errors_of(error))
    return http.redirect(f"/console/tickets/{opened.id}")
