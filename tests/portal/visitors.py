"""A shop with an open portal, and browsers that visit it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from billing.checkout.checkouts import Checkout
from billing.kernel.merchants import Merchant, PortalKind, Settings
from billing.kernel.orders import OrderKind
from billing.kernel.values import replace
from billing.kernel.writes import Insert
from functions.portal import app
from tests.render.html import Element, read
from tests.web.calls import Answer, Client
from tests.world import World

ANN, BOB = "ann@example.com", "bob@example.com"
OPEN = Settings(portal=PortalKind.STANDALONE)


@dataclass
class Visitor(Client):
    """A browser in the portal of one merchant."""

    base: str = "/portal/acme"

    def see(self, page: str = "", status: int = 200, **headers: str) -> Element:
        """A page, read; it has the status that is expected of it."""
        answer = self.browse("GET", self.base + page, None, **headers)
        assert answer.status == status, (answer.status, answer.headers, answer.body[-600:])
        return read(answer.body)

    def send(self, made: dict[str, Any]) -> Answer:
        return super().send(made)

    def post(self, page: str, document: Any = None, **fields: str) -> Answer:  # type: ignore[override]
        """Send a form, with the token that stands in the session's pages."""
        return self.browse("POST", self.base + page, {"csrf": self.csrf, **fields})

    @property
    def csrf(self) -> str:
        answer = self.browse("GET", f"{self.base}/cards")
        tokens = {e.attributes["value"] for e in _hidden(answer)} if answer.status == 200 else {""}
        (token,) = tokens
        return str(token)

    def log_in(self, order_id: str, email: str, **headers: str) -> Answer:
        form = {"order_id": order_id, "email": email}
        return self.browse("POST", f"{self.base}/login", form, **headers)

    def follow(self, answer: Answer) -> Element:
        """The page that an answer leads to."""
        assert answer.status == 303, (answer.status, answer.body[-600:])
        found = self.browse("GET", answer.headers["location"])
        assert found.status == 200, found.body[-600:]
        return read(found.body)


def _hidden(answer: Answer) -> list[Element]:
    fields = read(answer.body).all("input")
    return [e for e in fields if e.attributes.get("name") == "csrf"]


@dataclass
class Shop:
    """The world's merchant with its portal open, and a second one."""

    world: World = field(default_factory=World)

    def __post_init__(self) -> None:
        self.set(portal=PortalKind.STANDALONE)
        rival = Merchant("rival", "Rival", "rival@example.com", self.world.now, OPEN)
        self.world.store.commit(Insert(rival))
        self.resolver = app.build(self.world.ports)

    def set(self, **settings: Any) -> None:
        """Change the merchant's settings."""
        self.world.change_merchant(settings=replace(self.world.merchant.settings, **settings))

    def visitor(self, base: str = "/portal/acme") -> Visitor:
        return Visitor(self.resolver, base=base)

    def signed_in(self, email: str = ANN) -> Visitor:
        """A browser whose customer has signed in with the first payment's Order ID."""
        visitor = self.visitor()
        assert visitor.log_in(self.order_ids(email)[0], email).status == 303
        return visitor

    def order_ids(self, email: str = ANN, kind: OrderKind = OrderKind.SALE) -> list[str]:
        return [order.id for order in self.world.orders(email) if order.kind is kind]

    def mails(self, to: str = ANN) -> list[str]:
        """Delivers the outbox; returns the subjects of the mails to somebody."""
        self.world.work()
        return [str(m["Subject"]) for m in self.world.mailer.sent if str(m["To"]) == to]

    def body_of_last_mail(self) -> str:
        self.world.work()
        text = self.world.mailer.sent[-1].get_body(("plain",))
        assert text is not None
        return str(text.get_content())


def past_due(shop: Shop, card: str = "pm_card_chargeCustomerFail", **fields: Any) -> Checkout:
    """A subscription whose trial was free and whose first payment was declined."""
    from billing.kernel.catalog import Initial
    from billing.kernel.periods import Span, Unit
    from tests.world import MONTHLY

    trial = replace(MONTHLY, initial=Initial(0, Span(14, Unit.DAY)))
    bought = shop.world.buy(shop.world.product(trial), payment_method=card, **fields)
    shop.world.advance(days=15)
    return bought
