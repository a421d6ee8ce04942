"""People in the stories: somebody at a browser, and a program with an API key."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import urlencode

from dev import PLATFORM
from tests.render.html import Element, read
from tests.scenarios.stories.town import Town
from tests.web.calls import Answer

PASSWORD = "correct horse battery"
ADDRESS = {"line1": "1 Main Street", "city": "Springfield", "country": "US"}
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"

RESET = "/account/reset/"
SECONDS_TO_ARRIVE = 20
"""Of a mail, on a laptop: it goes out behind the answer."""

_numbers = count(1)


@dataclass
class Person:
    """A browser, with the cookies so far; `host` is where it is, None at the platform's."""

    town: Town
    cookies: dict[str, str] = field(default_factory=dict)
    host: str | None = None

    def browse(self, method: str, address: str, form: dict[str, str] | None = None) -> Answer:
        headers = {"accept": "text/html"}
        if self.host is not None:
            headers["host"] = self.host
        if form is not None:
            headers["content-type"] = FORM
        if self.cookies:
            headers["cookie"] = "; ".join(f"{n}={v}" for n, v in self.cookies.items() if v)
        body = None if form is None else urlencode(form)
        answer = self.town.ask(method, address, body, headers)
        for cookie in answer.cookies:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    def see(self, address: str, status: int = 200) -> Element:
        """A page that answers as it is expected to."""
        answer = self.browse("GET", address)
        assert answer.status == status, (answer.status, answer.headers, answer.body[-500:])
        return read(answer.body)

    def send(self, address: str, page: str | None = None, **typed: str) -> Answer:
        """Fill in what a page's forms carry and what is typed, and send it."""
        inputs = [e.attributes for e in self.see(page or address).all("input")]
        hidden = {str(i["name"]): str(i["value"]) for i in inputs if i.get("type") == "hidden"}
        return self.browse("POST", address, {**hidden, **typed})

    def sent(self, address: str, page: str | None = None, **typed: str) -> str:
        """As `send`; where the answer leads."""
        answer = self.send(address, page, **typed)
        assert answer.status == 303, (answer.status, answer.body[-500:])
        return answer.headers["location"]


@dataclass
class Owner(Person):
    """Somebody who sells, or is about to; every one has a name of their own."""

    number: int = field(default_factory=lambda: next(_numbers))
    email: str = ""
    plan: str = ""
    has_account: bool = False

    def __post_init__(self) -> None:
        self.email = self.email or f"ann{self.number}@example.com"

    @property
    def username(self) -> str:
        return f"arts-{self.number}"

    def sign_up(self) -> None:
        """Signs up by the form, and sets the password by the mailed link.

        Somebody whose email has an account keeps that password.
        """
        before = self._password_links()
        form = {"name": "Ann's Art", "email": self.email}
        to = self.sent("/account/sign-up", username=self.username, **form)
        assert to == "/account/plans"
        if not self.has_account:
            self.sets_password(besides=before)

    def sets_password(self, besides: list[str]) -> None:
        """By the link that is in the mail, and was not before."""
        deadline = time.monotonic() + SECONDS_TO_ARRIVE
        while not (new := [link for link in self._password_links() if link not in besides]):
            assert time.monotonic() < deadline, f"no link was mailed to {self.email}"
            time.sleep(0.05)
        assert self.browse("POST", new[0], {"password": PASSWORD}).status == 303

    def _password_links(self) -> list[str]:
        texts = (mail["text"] for mail in self.town.mails() if mail["to"] == self.email)
        words = (word for text in texts for word in text.split() if RESET in word)
        return [word[word.index(RESET) :] for word in words]

    def sign_in(self, expect: int = 303) -> str:
        """Where they land."""
        form = {"email": self.email, "password": PASSWORD}
        answer = self.browse("POST", "/account/sign-in", form)
        assert answer.status == expect, (answer.status, answer.body[-500:])
        return answer.headers.get("location", "")

    def buys(self, price_point: str) -> dict[str, Any]:
        """A plan, at the normal checkout, with a card of their own."""
        bought = buy(self.town, price_point, self.email)
        self.plan = bought["subscription"]
        return bought

    def charges(self) -> list[int]:
        """Returns the gateway's charges for the plan, oldest first."""
        return taken(self.town, self.plan)


def open_account(town: Town, price_point: str) -> Owner:
    """Somebody who has signed up, bought a plan, and signed in."""
    owner = Owner(town)
    owner.sign_up()
    owner.buys(price_point)
    assert owner.sign_in() == "/console"
    return owner


def buy(
    town: Town, price_point: str, email: str, host: str | None = None, **fields: Any
) -> dict[str, Any]:
    """Buy as a program does."""
    form = {
        "attempt_key": f"attempt-{next(_numbers):08d}-{email.partition('@')[0]}",
        "email": email,
        "name": "Ann Example",
        "address": ADDRESS,
        "payment_method": "pm_card_visa",
        **fields,
    }
    headers = {"content-type": JSON, "accept": JSON}
    if host is not None:
        headers["host"] = host
    answer = town.ask("POST", f"/checkout/{price_point}", json.dumps(form), headers)
    assert answer.status == 201, (answer.status, answer.body)
    return dict(answer.json)


def taken(town: Town, subscription: str) -> list[int]:
    """Returns the charges of a subscription in the gateway's own ledger, oldest first."""
    mine = [c for c in town.charges() if c["invoice"].startswith(f"{subscription}.")]
    return [c["amount"]["amount"] for c in reversed(mine) if c["status"] != "declined"]


@dataclass
class Program:
    """A program that calls /v1 with a merchant's key."""

    town: Town
    key: str

    @classmethod
    def of(cls, town: Town, merchant: str) -> Program:
        return cls(town, town.operate(do="key", merchant=merchant)["api_key"])

    @classmethod
    def of_platform(cls, town: Town) -> Program:
        return cls.of(town, PLATFORM)

    def call(self, method: str, address: str, document: Any = None) -> Answer:
        headers = {"authorization": f"Bearer {self.key}", "accept": JSON}
        if document is not None:
            headers["content-type"] = "text/csv" if isinstance(document, str) else JSON
        body = document if isinstance(document, str | None) else json.dumps(document)
        return self.town.ask(method, address, body, headers)

    def get(self, address: str, **query: str) -> Any:
        return self._done(self.call("GET", f"{address}?{urlencode(query)}" if query else address))

    def post(self, address: str, document: Any = None) -> Any:
        return self._done(self.call("POST", address, {} if document is None else document))

    def patch(self, address: str, document: Any) -> Any:
        return self._done(self.call("PATCH", address, document))

    def sells(
        self, name: str = "Prints", period: str = "1m", amount: int = 2999, **fields: Any
    ) -> str:
        """A new product with one price point; that price point's id."""
        price_point = {
            "type": "recurring",
            "price": {"amount": amount, "currency": "USD"},
            "period": period,
            "cancellation": "delayed",
        }
        product = {"name": name, "gateways": ["sandbox"], "price_points": [price_point], **fields}
        made = self.post("/v1/products", product)
        return str(made["price_points"][0]["id"])

    def _done(self, answer: Answer) -> Any:
        assert answer.status in {200, 201}, (answer.status, answer.body)
        return answer.json
