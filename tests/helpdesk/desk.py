"""A shop with its helpdesk, and browsers that go between portal, helpdesk and console."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from billing.helpdesk.tickets import Ticket
from billing.kernel.merchants import PortalKind
from functions.console import app as console_app
from functions.helpdesk import app as helpdesk_app
from tests.portal.visitors import ANN, Shop, Visitor
from tests.render.html import Element, read
from tests.web.calls import Answer, Client
from tests.web.shop import link_of

LINK = re.compile(r"https://pay\.example\.com(/helpdesk/\S+)")


@dataclass
class Guest(Client):
    """A browser at the helpdesk; `cookies` may be a portal session's."""

    base: str = "/helpdesk/acme"

    def see(self, page: str = "", status: int = 200) -> Element:
        answer = self.browse("GET", self._address(page))
        assert answer.status == status, (answer.status, answer.headers, answer.body[-800:])
        return read(answer.body)

    def fields(self, page: str, to: str = "") -> dict[str, str]:
        """The hidden fields of the form of a page that is sent to `to`."""
        forms = [form for form in self.see(page).all("form") if _goes(form, to)]
        found = forms[-1].all("input") if forms else []
        return {
            e.attributes["name"]: e.attributes["value"]
            for e in found
            if e.attributes.get("type") == "hidden"
        }

    def submit(self, page: str, to: str | None = None, **typed: str) -> Answer:
        """Fill in the form of a page as it is, and send it."""
        hidden = self.fields(page, to or "")
        return self.browse("POST", self._address(to or page), {**hidden, **typed})

    def follow(self, answer: Answer) -> Element:
        assert answer.status == 303, (answer.status, answer.body[-800:])
        return self.see(answer.headers["location"])

    def _address(self, page: str) -> str:
        inside = page.startswith(("/new", "/tickets", "/confirm"))
        return self.base + page if inside or not page else page


def _goes(form: Element, to: str) -> bool:
    action = form.attributes.get("action", "")
    return action == to if to else not action.endswith(("/logout", "/sign-out"))


@dataclass
class House:
    """The shop's portal, its helpdesk, its console."""

    shop: Shop = field(default_factory=Shop)

    def __post_init__(self) -> None:
        self.shop.set(portal=PortalKind.HELPDESK)
        self.helpdesk = helpdesk_app.build(self.shop.world.ports)
        self.console = console_app.build(self.shop.world.ports)

    def guest(self, base: str = "/helpdesk/acme") -> Guest:
        return Guest(self.helpdesk, base=base)

    def signed_in(self, email: str = ANN) -> Guest:
        """At the helpdesk, with the portal's session."""
        visitor: Visitor = self.shop.signed_in(email)
        return Guest(self.helpdesk, cookies=visitor.cookies)

    def agent(self, merchant: str = "acme") -> Guest:
        """In the console."""
        browser = Guest(self.console, base="/console")
        assert browser.browse("POST", link_of(self.shop.world, merchant)).status == 303
        return browser

    def mail_link(self, to: str = ANN) -> str:
        """The newest link to the helpdesk that was mailed to somebody."""
        return self.mail_links(to)[-1]

    def mail_links(self, to: str) -> list[str]:
        """All that were, oldest first."""
        self.shop.world.work()
        texts = [
            str(m.get_body(("plain",)).get_content())  # type: ignore[union-attr]
            for m in self.shop.world.mailer.sent
            if str(m["To"]) == to
        ]
        return [found for text in texts for found in LINK.findall(text)]

    def tickets(self) -> list[Ticket]:
        world = self.shop.world
        departments = world.merchant.settings.departments.all
        return [
            each
            for department in departments
            for each in world.store.waiting_tickets("acme", department.id, 99)
        ]

    def order(self, email: str = ANN, **fields: Any) -> str:
        """The Order ID of something that was bought."""
        world = self.shop.world
        world.buy(world.product(**fields) if fields else None, email=email)
        return world.orders(email)[0].id
