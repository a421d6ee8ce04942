"""A shop with the public pages to cancel and to withdraw, and browsers that use them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from billing.checkout.checkouts import Checkout
from billing.declarations.declarations import Declaration
from billing.kernel.catalog import Cancellation, PriceTerms, PriceType, Product
from billing.kernel.customers import Address
from billing.kernel.money import Currency, Money
from billing.kernel.periods import Period
from billing.kernel.subscription import Subscription
from functions.helpdesk import app as helpdesk_app
from tests.render.html import Element, read
from tests.web.calls import Answer, Client
from tests.world import World

BERLIN = Address("Unter den Linden 1", "Berlin", "DE", postal_code="10117")
DELAYED = PriceTerms(
    PriceType.RECURRING,
    Money(2999, Currency.USD),
    Period.MONTHLY,
    cancellation=Cancellation.DELAYED,
)
TYPED = {
    "name": "Ann Example",
    "contract": "Course",
    "contact": "ann@example.com",
    "kind": "ordinary",
}
ANSWER = re.compile(r"https://pay\.example\.com(/cancel/acme/answer/\S+)")


@dataclass
class Hall:
    """A world with one merchant; `stranger` is a browser without a session."""

    world: World = field(default_factory=World)

    def __post_init__(self) -> None:
        self.stranger = Client(helpdesk_app.build(self.world.ports))
        self._attempts = 0

    def buy(self, terms: PriceTerms = DELAYED, **fields: Any) -> Checkout:
        product: Product = self.world.product(terms)
        bought = self.world.buy(product, **{"address": BERLIN, **fields})
        self.world.work()
        return bought

    def declare(self, page: str = "/cancel/acme?country=DE", **typed: str) -> Answer:
        """Sends a form; None of its fields are checked by a browser."""
        self._attempts += 1
        form = {"attempt": f"attempt-{self._attempts:06d}", **TYPED, **typed}
        if "withdraw" in page:
            del form["kind"]
        return self.stranger.browse("POST", page, form)

    def see(self, page: str) -> Element:
        answer = self.stranger.browse("GET", page)
        assert answer.status == 200, (answer.status, answer.body[-500:])
        return read(answer.body)

    def tick(self) -> None:
        self.world.now += timedelta(minutes=1)
        self.world.tick()

    def declarations(self) -> list[Declaration]:
        return self.world.store.declarations("acme", limit=200)

    @property
    def declaration(self) -> Declaration:
        (only,) = self.declarations()
        return only

    @property
    def subscription(self) -> Subscription:
        return self.world.subscription()

    def mails(self, subject: str) -> list[str]:
        """The texts of mails with these words in their subject."""
        return [
            str(mail.get_body(("plain",)).get_content())  # type: ignore[union-attr]
            for mail in self.world.mailer.sent
            if subject in str(mail["Subject"])
        ]

    def link(self) -> str:
        """The address in the newest question."""
        return [found[1] for text in self.mails("") for found in ANSWER.finditer(text)][-1]

    def answer(self, said: str, **typed: str) -> Answer:
        return self.stranger.browse("POST", self.link(), {"answer": said, **typed})
