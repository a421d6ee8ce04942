"""Towns in which stories are played, by HTTP alone: in memory, or on a laptop under `make run`.

A town is the demo's: the platform with its plans, and its clock. Whatever a story does, it asks as
a browser or a program would; only the way there differs.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from email.message import EmailMessage
from functools import cache
from importlib import import_module
from typing import Any, Protocol
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from billing.accounts.flows import account_life
from billing.jobs.flows import sweep as jobs_sweep
from billing.kernel.values import replace
from billing.operations.web import operator as operators
from billing.web import http
from dev import PLATFORM, demo, routes
from dev.expand import ROOT
from dev.stack import Route, read
from dev.template import Template, load
from tests.accounts.platform import Plain
from tests.local_stack.laptop import ANSWER_SECONDS, Laptop
from tests.web.calls import HOST, Answer, Client, event
from tests.world import World


class Town(Protocol):
    """A platform, those who sell there, and a clock that is moved by hand."""

    def now(self) -> datetime:
        """The time there."""

    def move(self, to: datetime) -> None:
        """Move the clock, and do all that falls due until then."""

    def ask(self, method: str, address: str, body: str | None, headers: dict[str, str]) -> Answer:
        """The answer to one request; redirects are not followed."""

    def charges(self) -> list[dict[str, Any]]:
        """The gateways' own ledgers, newest first, as GET /_dev/charges shows them."""

    def mails(self) -> list[dict[str, Any]]:
        """`to`, `subject` and `text` of the mails that went out, newest first."""

    def operate(self, **event: str) -> dict[str, Any]:
        """The operator's verbs."""


class _PlatformsWorld(World):
    """A world whose merchants are the demo's."""

    def __init__(self) -> None:
        super().__init__(platform=PLATFORM)
        self.ports = replace(self.ports, passwords=Plain())
        self.store.commit(*demo.platform(self.now), *demo.merchant(self.now))
        self.store.commit(*demo.catalog(self.now))

    def tick(self) -> Counter[str]:
        tally = super().tick()
        tally += account_life.sweep(self.ports, now=self.now)
        return tally + jobs_sweep.sweep(self.ports, now=self.now) + self.work()


class InMemory:
    """The functions over a world in memory; template.yaml says which of them takes a request."""

    def __init__(self) -> None:
        self.world = _PlatformsWorld()
        self._built: dict[str, http.Resolver] = {}

    def now(self) -> datetime:
        return self.world.now

    def move(self, to: datetime) -> None:
        self.world.advance(to=to)

    def ask(self, method: str, address: str, body: str | None, headers: dict[str, str]) -> Answer:
        sent = {**headers}
        cookies = [c for c in sent.pop("cookie", "").split("; ") if c]
        found = routes.find(_routes(), method, address.partition("?")[0])
        assert found is not None, f"template.yaml has no {method} {address}"
        module = found[0].function.module
        if module not in self._built:
            self._built[module] = import_module(module).build(self.world.ports)
        made = event(method, address, body, headers=sent, cookies=cookies)
        answer = Client(self._built[module]).send(made)
        self.world.work()
        return answer

    def charges(self) -> list[dict[str, Any]]:
        return self.world.sandbox.charges()

    def mails(self) -> list[dict[str, Any]]:
        return [_mail(message) for message in reversed(self.world.mailer.sent)]

    def operate(self, **event: str) -> dict[str, Any]:
        return operators.answer(self.world.ports, event)


def _mail(message: EmailMessage) -> dict[str, Any]:
    body = message.get_body(("plain",))
    assert body is not None, "every mail has a text"
    text = body.get_content()
    return {"to": str(message["To"]), "subject": str(message["Subject"]), "text": text}


def all_routes(town: InMemory) -> list[tuple[str, str]]:
    """Method and path of every route of every function with an address, its places as `<name>`."""
    modules = {route.function.module for route in _routes()}
    apps = [import_module(module).build(town.world.ports) for module in sorted(modules)]
    found = [r for app in apps for r in app.routes]
    return sorted({(route.method, route.path) for route in found})


@cache
def _routes() -> tuple[Route, ...]:
    known = {"PublicUrl": f"https://{HOST}"}
    return read(Template(load(ROOT / "template.yaml"), parameters=known)).routes


class OnLaptop:
    """`make run`, asked over a socket."""

    def __init__(self, laptop: Laptop) -> None:
        self.laptop = laptop
        self._opener = build_opener(_NotFollowed)

    def now(self) -> datetime:
        return datetime.fromisoformat(self.laptop.get("/_dev/clock")["now"])

    def move(self, to: datetime) -> None:
        moved = self.laptop.post("/_dev/clock", {"to": to.isoformat()})
        assert "tally" in moved, moved

    def ask(self, method: str, address: str, body: str | None, headers: dict[str, str]) -> Answer:
        url = f"http://127.0.0.1:{self.laptop.port}{address}"
        data = None if body is None else body.encode()
        request = Request(url, data=data, headers=headers, method=method)
        try:
            with self._opener.open(request, timeout=ANSWER_SECONDS) as given:
                return _answer(given.status, given.headers, given.read())
        except HTTPError as error:
            with error:
                return _answer(error.code, error.headers, error.read())

    def charges(self) -> list[dict[str, Any]]:
        return list(self.laptop.get("/_dev/charges")["data"])

    def mails(self) -> list[dict[str, Any]]:
        return list(self.laptop.get("/_dev/mail")["data"])

    def operate(self, **event: str) -> dict[str, Any]:
        return dict(self.laptop.post("/_dev/operate", event))


class _NotFollowed(HTTPRedirectHandler):
    """Where an answer leads is the story's to follow."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _answer(status: int, headers: Any, body: bytes) -> Answer:
    named = {name.lower(): value for name, value in headers.items()}
    return Answer(status, named, body.decode(), headers.get_all("set-cookie") or [])
