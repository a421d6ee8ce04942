"""A shop with a history, and the people whom the tour visits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page

from billing.kernel.values import Value
from tests.browser import chromium
from tests.browser.people import DEMO, LIBRARY, Customer, Seller
from tests.local_stack.laptop import Laptop


class Town(Value):
    """A shop with a history, and the people in it, each signed in."""

    laptop: Laptop
    ann: Customer
    """Pays every month, ends one plan and owns a course; has two cards."""
    bob: Customer
    """His card was declined when his trial ended."""
    cleo: Customer
    """Has cancelled, and got her money back."""
    dan: Customer
    """Asks where others do."""
    visitor: Customer
    """Nobody yet."""
    eve: Customer
    """Sells here too: she has an account, and a trial of its plan."""
    fay: Customer
    gus: Customer
    hal: Customer
    """Their banks want their payments confirmed; Gus will fail at it, and Hal succeed."""
    seller: Seller

    def widen(self) -> None:
        """Gives everybody a window with room for the navigation, which a phone folds."""
        customers = (self.ann, self.bob, self.cleo, self.dan, self.visitor, self.eve)
        for person in (*customers, self.fay, self.gus, self.hal, self.seller):
            person.page.set_viewport_size({"width": 1280, "height": 800})

    def set(self, **settings: Any) -> None:
        status, answer = self.laptop.ask("PATCH", "/v1/settings", settings)
        assert status == 200, answer

    @contextmanager
    def setting(self, name: str, value: Any) -> Iterator[None]:
        """Set otherwise until the block ends."""
        before = self.laptop.get("/v1/settings")[name]
        self.set(**{name: value})
        yield
        self.set(**{name: before})

    @contextmanager
    def fault(self, kind: str) -> Iterator[None]:
        """Every call of the gateway fails until the block ends."""
        self.laptop.post("/_dev/faults", {"gateway": kind, "next": 100})
        yield
        self.laptop.post("/_dev/faults", {"gateway": kind, "next": 0})

    def subscription(self, customer: Customer, number: int = 0) -> str:
        """One of their subscriptions, the oldest first."""
        sales = [order for order in self.orders(customer, "sale") if order["subscription"]]
        return str(sales[-1 - number]["subscription"])

    def order(self, customer: Customer, kind: str = "sale") -> str:
        """The newest of a kind."""
        return str(self.orders(customer, kind)[0]["id"])

    def ticket(self, customer: Customer, wish: str) -> dict[str, Any]:
        """Their newest request of a kind."""
        listed = self.laptop.all("/v1/tickets")
        return next(t for t in listed if (t["email"], t["wish"]) == (customer.email, wish))

    def orders(self, customer: Customer, kind: str) -> list[dict[str, Any]]:
        listed = self.laptop.all(f"/v1/orders?kind={kind}")
        return [order for order in listed if order["email"] == customer.email]


def settle(browser: Browser, laptop: Laptop) -> Town:
    """Some weeks in the life of a shop."""
    names = ("ann", "bob", "cleo", "dan", "visitor", "eve", "fay", "gus", "hal")
    people = [
        Customer(chromium.context(browser, laptop).new_page(), laptop, f"{name}@example.com")
        for name in names
    ]
    ann, bob, cleo, dan, _, eve, *asked_by_their_banks = people
    seller = Seller(chromium.context(browser, laptop).new_page(), laptop)
    town = Town(laptop, *people, seller)
    town.set(self_refund="automatic")
    _buy(ann, LIBRARY)
    laptop.post("/_dev/clock", {"advance": "P50D"})
    _buy(ann, "demo.sourdough-1")
    _buy(ann, "demo.library-2", confirm_repeat=True)
    _buy(bob, "demo.studio-1", payment_method="pm_card_chargeCustomerFail")
    _buy(cleo, "demo.bootcamp-1", name="Cleo Example")
    _buy(dan, LIBRARY, name="Dan Example")
    for customer in asked_by_their_banks:
        _buy(customer, "demo.studio-1", payment_method="pm_card_authenticationRequired")
    laptop.post(f"/v1/subscriptions/{town.subscription(ann, 1)}/cancel", {"when": "period_end"})
    laptop.post("/_dev/clock", {"advance": "P15D"})
    laptop.post(f"/v1/orders/{town.order(cleo)}/refund", {})
    laptop.post(f"/v1/subscriptions/{town.subscription(cleo)}/cancel", {"when": "now"})
    for customer in (ann, bob, cleo, dan):
        customer.log_in()
    ann.page.goto(f"{DEMO}/cards/new")
    ann.choose("•••• 4444")
    for ticked in ann.page.get_by_role("checkbox").all():
        ticked.uncheck()
    ann.press("Save card")
    seller.sign_in()
    _sign_up(eve)
    # Of a card, too, there is one trial: others here have had that of the usual one.
    _buy(eve, "perennial.starter-1", name="Eve Example", payment_method="pm_card_mastercard")
    sign_in(eve)
    return town


PASSWORD = "correct horse battery"


def _sign_up(owner: Customer) -> None:
    owner.page.goto("/account/sign-up")
    for label, typed in (("Username", "evesart"), ("Name", "Eve's Art"), ("Email", owner.email)):
        owner.page.get_by_label(label, exact=True).fill(typed)
    owner.press("Sign up")
    owner.page.goto(owner.password_link())
    owner.page.get_by_label("Password").fill(PASSWORD)
    owner.press("Set your password")


def sign_in(owner: Customer, password: str = PASSWORD) -> Page:
    owner.page.goto("/account/sign-in")
    owner.page.get_by_label("Email").fill(owner.email)
    owner.page.get_by_label("Password").fill(password)
    owner.press("Sign in")
    return owner.page


def _buy(customer: Customer, price_point: str, **fields: Any) -> None:
    attempt = f"{price_point}-{customer.email}"
    status, answer = customer.laptop.buy(price_point, customer.email, attempt_key=attempt, **fields)
    assert status == 201, answer
