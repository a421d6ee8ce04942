"""The resolver of console pages, shared by the functions that serve them."""

from __future__ import annotations

from billing.accounts.web import console_session
from billing.console.web import pages as console_pages
from billing.console.web.pages import Desk
from billing.kernel.ports import Ports
from billing.team import reach
from billing.team.rights import Right
from billing.web import custom_domains, http
from billing.web.request import Request


class Console:
    """The resolver of console pages, with its ports."""

    def __init__(self, ports: Ports) -> None:
        self.ports = ports

        def fail(error: Exception, request: Request) -> http.Answer:
            return console_pages.failure(ports, error, request, ports.clock())

        self.app = http.resolver(custom_domains.placed(ports), fail)

    def looks(self) -> Desk:
        """Returns the desk of a page's signed-in visitor."""
        request, now = Request.of(self.app.current_event), self.ports.clock()
        session = console_session.required(self.ports, request, now, self._need)
        return Desk(self.ports, session, request, now)

    def sends(self) -> Desk:
        """Returns the desk of a form's signed-in sender."""
        request, now = Request.of(self.app.current_event), self.ports.clock()
        session = console_session.required_for_change(self.ports, request, now, self._need)
        return Desk(self.ports, session, request, now)

    @property
    def _need(self) -> Right | None:
        """The right that the route of this request needs."""
        route = self.app.current_route
        assert route is not None, "asked for while a route is answered"
        return reach.need(route.method, route.path)
