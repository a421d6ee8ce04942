"""The resolver of the portal's pages, and whose visit a request is."""

from __future__ import annotations

from billing.branding.flows import dressing
from billing.customers.web import portal_session
from billing.customers.web.portal_session import Visit
from billing.kernel.ports import Ports
from billing.web import custom_domains, http
from billing.web.request import Request


class Portal:
    """The resolver of portal pages, with its ports."""

    def __init__(self, ports: Ports) -> None:
        def fail(error: Exception, request: Request) -> http.Answer:
            return portal_session.failure(ports, error, request)

        self.app, self.ports = (
            http.resolver(custom_domains.placed(ports), fail, dress=dressing.of_pages(ports)),
            ports,
        )

    @property
    def request(self) -> Request:
        return Request.of(self.app.current_event)

    def visit(self, merchant: str) -> Visit:
        """Returns the signed-in visitor of a page."""
        now = self.ports.clock()
        return portal_session.required(self.ports, self.request, merchant, now)

    def change(self, merchant: str) -> Visit:
        """Returns the signed-in sender of a form."""
        now = self.ports.clock()
        return portal_session.required_for_change(self.ports, self.request, merchant, now)
