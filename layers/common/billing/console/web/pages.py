"""Shared by all pages of the console: the signed-in merchant, the frame of a page, errors."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from billing.accounts.web import console_session, error_pages, session_holder
from billing.accounts.web.console_session import Session
from billing.kernel.ports import Ports
from billing.kernel.values import Value
from billing.render.messages import MERCHANTS_LANGUAGE
from billing.team.rights import Access, Area
from billing.web import http
from billing.web.request import Request

if TYPE_CHECKING:
    from billing.webhooks.endpoints import WebhookEndpoint

PAGE_LENGTH = 50
DONE = frozenset(
    {
        "cancel_ended",
        "cancel_pending",
        "cancel_charge_under_way",
        "undone",
        "refunded",
        "refund_under_way",
        "refunded_still_runs",
        "refund_under_way_still_runs",
        "mail_resumed",
        "link_mailed",
        "customer_changed",
        "customer_erased",
    }
)
"""Codes of the confirmations that a customer's page can show."""


OWN = (Area.OWN, Access.READ)


class Desk(Value):
    """A signed-in merchant's request."""

    ports: Ports
    session: Session
    request: Request
    now: datetime

    @property
    def merchant(self) -> str:
        return self.session.merchant.id

    def check(self, area: Area, access: Access = Access.WRITE) -> None:
        """Raises `Forbidden` without a right that a form needs beside its route's."""
        if not self.may(area, access):
            raise session_holder.lacking(self.session.holder)

    def may(self, area: Area, access: Access = Access.WRITE) -> bool:
        """Tests whether whoever is signed in has a right."""
        return (area, access) in self.session.holder.rights


def done(customer: str, what: str) -> http.Answer:
    """Redirects to a customer's page, which says what was done; a reload does it no second time."""
    return http.redirect(f"/console/customers/{customer}?done={what}")


def page(desk: Desk, template: str, *, status: int = 200, **values: Any) -> http.Answer:
    shown = {**_around(desk.session, desk.request), **values}
    return http.page(template, MERCHANTS_LANGUAGE, status=status, **shown)


def failing_hooks(desk: Desk) -> list[WebhookEndpoint]:
    """Returns the endpoints of webhooks that need a look; nothing is read where there are none."""
    if desk.session.merchant.webhooks_since is None:
        return []
    from billing.webhooks.flows import endpoints  # few merchants have some

    found = endpoints.every(desk.ports, desk.session.merchant)
    return [each for each in found if each.needs_a_look]


def failure(ports: Ports, error: Exception, request: Request, now: datetime) -> http.Answer:
    """Renders an error inside the console for a signed-in merchant, else on a page of its own."""
    if (step := error_pages.to_second_step(error, request)) is not None:
        return step
    session = None
    if not request.wants_problem and not isinstance(error, console_session.Inactive):
        with suppress(Exception):  # the first error is the one to show, in whatever look
            session = console_session.required(ports, request, now, OWN)
    if session is None:
        return error_pages.of_console(ports, error, request)
    around = _around(session, request)
    return http.failure(
        error,
        request,
        "console/problem.html",
        MERCHANTS_LANGUAGE,
        section="console.error",
        **around,
    )


def _around(session: Session, request: Request) -> dict[str, Any]:
    """Returns what the frame of every page shows."""
    return {
        "merchant": session.merchant,
        "zone": session.merchant.settings.time_zone,
        "csrf": session.csrf,
        "armed": session.armed,
        "here": request.path,
        "with_account": session.by_password or session.may("account", "read"),
        "asks_password": session.by_password,
        "may": session.may,
        "may_go": session.may_go,
        "signed_in_as": session.holder.email,
        "has_person": bool(session.holder.member),
        "sought": "",
    }
