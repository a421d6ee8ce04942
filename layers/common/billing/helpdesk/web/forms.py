"""The helpdesk's forms, as pydantic models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, StringConstraints

from billing.helpdesk import messages
from billing.helpdesk.flows.open_ticket import Request
from billing.helpdesk.tickets import Detail, TicketType
from billing.helpdesk.web.shapes import Text
from billing.kernel.departments import Ask, Department
from billing.kernel.errors import Invalid
from billing.web.inputs import KEY, Email, Input, Line, Name, filled_in, read

Attempt = Annotated[str, StringConstraints(min_length=8, max_length=64, pattern=KEY)]
Answer = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        max_length=messages.DETAIL_MOST,
        pattern=r"^[^\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x9F]*$",
    ),
]


class RequestForm(Input):
    """A request to a department. `order` is an Order ID, typed or chosen; `attempt` was drawn with
    the page, and makes it one request however often it is sent."""

    attempt: Attempt
    email: Email | None = None
    name: Name | None = None
    wish: TicketType | None = None
    order: Line | None = None
    subject: Annotated[Line, Field(max_length=messages.SUBJECT_MOST)]
    text: Text
    site: Answer | None = None
    login: Answer | None = None
    browser: Answer | None = None
    recordings: Answer | None = None

    def request(self, department: Department, email: str, language: str) -> Request:
        """Returns the request that the flow takes; raises `Invalid` for a wish without a
        subscription or order."""
        if self.wish and self.order is None:
            raise Invalid("order_needed", field="order")
        asked = {Ask.SITE, Ask.LOGIN, Ask.BROWSER, Ask.RECORDINGS} & set(department.asks)
        details = tuple(
            Detail(ask.value, message)
            for ask in Ask
            if ask in asked and (message := getattr(self, ask.value))
        )
        return Request(
            department=department.id,
            email=email,
            subject=self.subject,
            text=self.text,
            key=self.attempt,
            name=self.name,
            wish=self.wish,
            order=self.order,
            details=details,
            language=language,
        )


class ReplyForm(Input):
    """A message added to a ticket."""

    text: Text
    attempt: Attempt


def request_form(typed: Mapping[str, str]) -> RequestForm:
    """Reads the form without its empty fields; raises `Misshapen`."""
    return read(RequestForm, filled_in(typed))


def reply_form(typed: Mapping[str, str]) -> ReplyForm:
    """Reads the form of a reply; raises `Misshapen`."""
    return read(ReplyForm, filled_in(typed))
