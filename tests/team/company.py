"""The platform with a seller's account, and people in the seller's team."""

from __future__ import annotations

import re
from typing import Any

from billing.accounts.web import session_holder
from billing.team.flows import membership, people
from billing.team.flows.membership import Giver
from billing.team.members import HOLDER, Person, TeamMember
from billing.team.rights import Role, of_role
from billing.web import sessions
from functions.account import app as account_app
from functions.console import app as console_app
from functions.gateways import app as gateways_app
from tests.accounts.platform import PASSWORD, SELLER, Platform, opened
from tests.render.html import Element, read
from tests.web.calls import Answer, Client

OWNER = Giver(of_role(Role.OWNER), HOLDER)
SHOP = "annsart"


class Company(Platform):
    """Ann's shop, with an account and a plan; `console` and `account` are its resolvers."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        opened(self)
        self.console = console_app.build(self.ports)
        self.account = account_app.build(self.ports)
        self.gateways = gateways_app.build(self.ports)

    def invited(self, email: str, role: Role, *, refunds: bool = False) -> str:
        """The token of the link that somebody was mailed."""
        membership.invite(self.ports, SHOP, email, role, OWNER, refunds=refunds, now=self.now)
        return self.mailed(email, "/console/join/")

    def joins(self, email: str, role: Role, *, refunds: bool = False) -> TeamMember:
        """Somebody who was invited and has accepted."""
        token = self.invited(email, role, refunds=refunds)
        _, person = membership.accept(self.ports, token, now=self.now)
        return self.member(person)

    def member(self, person: Person) -> TeamMember:
        team = self.store.team(SHOP)
        found = None if team is None else team.of_person(person.id)
        assert found is not None
        return found

    def person(self, email: str) -> Person:
        found = people.of_email(self.ports, email)
        assert found is not None
        return found

    def mailed(self, to: str, place: str) -> str:
        """The end of the address in the last mail to somebody that has such a one."""
        self.work()
        found: list[str] = []
        for mail in self.mailer.sent:
            body = mail.get_body(("plain",))
            assert body is not None
            if str(mail["To"].addresses[0].addr_spec) == to:
                found += re.findall(rf"{place}(\S+)", str(body.get_content()))
        return found[-1]

    def subjects(self, to: str) -> list[str]:
        """The subjects of the mails to somebody."""
        self.work()
        return [
            str(m["Subject"]) for m in self.mailer.sent if str(m["To"].addresses[0].addr_spec) == to
        ]

    def owner(self) -> Browser:
        """The holder of the account, signed in by password."""
        browser = Browser(self)
        answer = browser.account_sign_in(SELLER, PASSWORD)
        assert answer.status == 303, answer.body
        return browser

    def signed_in(self, email: str) -> Browser:
        """A member, signed in by a mailed link."""
        browser = Browser(self)
        asked = browser.client.browse("POST", "/console/sign-in/link", {"email": email})
        assert asked.status == 202
        token = self.mailed(email, "/console/sign-in/mailed/")
        browser.client.browse("POST", f"/console/sign-in/mailed/{token}", {})
        return browser


class Browser:
    """A browser at the console of a company."""

    def __init__(self, company: Company) -> None:
        self.company = company
        near = {"/console/gateways": company.gateways}
        self.client = Client(company.console, others=near)

    def look(self, address: str, status: int = 200) -> Element:
        answer = self.client.browse("GET", address)
        assert answer.status == status, (answer.status, answer.headers, answer.body[-300:])
        return read(answer.body)

    def get(self, address: str) -> Answer:
        return self.client.browse("GET", address)

    def send(self, address: str, **fields: str) -> Answer:
        return self.client.browse("POST", address, {"csrf": self.csrf(), **fields})

    def csrf(self) -> str:
        return sessions.csrf_of(self.client.cookies["__Host-console"])

    def account_sign_in(self, email: str, password: str) -> Answer:
        """Signs in by password."""
        client = Client(self.company.account, cookies=self.client.cookies)
        form = {"email": email, "password": password}
        return client.browse("POST", "/account/sign-in", form)

    def account(self, method: str, address: str, **fields: str) -> Answer:
        """Asks for one of the account's pages with the same cookies."""
        client = Client(self.company.account, cookies=self.client.cookies)
        form = {"csrf": self.csrf(), **fields} if method == "POST" else None
        return client.browse(method, address, form)


SignedOut = session_holder.SignedOut
