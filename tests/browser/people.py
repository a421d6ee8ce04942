"""People who use the pages: they read labels and press buttons."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable
from typing import Any, TypeVar

from playwright.sync_api import Locator, Page
from pypdf import PdfReader

from billing.kernel.values import Value
from tests.local_stack.laptop import Laptop

T = TypeVar("T")

DEMO = "/portal/demo"
DESK = "/helpdesk/demo"
LIBRARY = "demo.library-1"
SECONDS_TO_ARRIVE = 60

GOOD_CARD, OTHER_CARD = "•••• 4242", "•••• 4444"
DECLINED_CARD, CONFIRMED_CARD = "•••• 0002", "•••• 3184"

_ORDER_ID = re.compile(r"Your Order ID is ([0-9A-Z-]{17})\.")
_HELPDESK = re.compile(r"https?://\S+/helpdesk/demo/confirm/\S+")
_LINK = re.compile(r"https?://\S+/portal/demo/link/\S+")
_EMAIL = re.compile(r"https?://\S+/portal/demo/email/\S+")
_PAYMENT = re.compile(r"https?://\S+/portal/demo/payments/\S+")
_JOIN = re.compile(r"https?://\S+/console/join/\S+")
_PASSWORD = re.compile(r"https?://\S+/account/reset/\S+")


class Person(Value):
    """Somebody at a browser."""

    page: Page
    laptop: Laptop

    def heading(self) -> str:
        """Returns the page's heading."""
        return self.page.get_by_role("heading", level=1).inner_text()

    def go(self, through: Locator) -> None:
        """Click on something that leads to another page, and be there."""
        with self.page.expect_navigation():
            through.click()

    def at(self, address: str) -> Page:
        """At a page, by its address."""
        self.page.goto(address)
        return self.page

    def press(self, name: str) -> None:
        self.go(self.page.get_by_role("button", name=name))

    def follow(self, name: str) -> None:
        self.go(self.page.get_by_role("link", name=name))

    def says(self, words: str) -> bool:
        """Whether the page shows these words."""
        return words in self.page.inner_text("body")

    def unchecked_by_the_browser(self) -> None:
        """Turns the browser's checks of the form off: the server must report what is missing."""
        self.page.locator("main form").evaluate("form => form.noValidate = true")


class Customer(Person):
    """Somebody who buys, and later looks after what they bought."""

    email: str

    def fill_in(self, card: str | None = GOOD_CARD) -> None:
        """The checkout form, field by field; None where the gateway asks for the card."""
        form = self.page.get_by_label
        form("Email").fill(self.email)
        form("Name", exact=True).fill("Ann Example")
        form("Country").select_option(label="United States")
        form("Address", exact=True).fill("1 Main Street")
        form("City").fill("Springfield")
        form("Postal code").fill("62701")
        if card is not None:
            self.choose(card)

    def choose(self, card: str) -> None:
        """A payment method, by the last digits that stand beside it."""
        self.page.get_by_label(card).check()

    @property
    def pay_button(self) -> Locator:
        return self.page.locator("form button[type=submit]")

    def buy(self, price_point: str = LIBRARY, card: str = GOOD_CARD) -> None:
        """From the link to the page behind the button."""
        self.page.goto(f"/checkout/{price_point}")
        self.fill_in(card)
        self.pay()

    def pay(self) -> None:
        self.go(self.pay_button)

    def mails(self) -> list[dict[str, Any]]:
        """Returns the mails in their mailbox, newest first."""
        everything = self.laptop.get("/_dev/mail")["data"]
        return [mail for mail in everything if mail["to"] == self.email]

    def order_id(self) -> str:
        """The Order ID of the first mail that names one."""
        return arrived(lambda: self._in_mail(_ORDER_ID))[0]

    def portal_link(self) -> str:
        """The newest link that signs in."""
        return arrived(lambda: self._in_mail(_LINK))[-1]

    def payment_link(self) -> str:
        """The newest link to a payment that their bank wants confirmed."""
        return arrived(lambda: self._in_mail(_PAYMENT))[-1]

    def email_link(self) -> str:
        """The newest link that confirms a new email."""
        return arrived(lambda: self._in_mail(_EMAIL))[-1]

    def password_link(self) -> str:
        """The newest link that sets a password."""
        return arrived(lambda: self._in_mail(_PASSWORD))[-1]

    def join_link(self) -> str:
        """The newest link into a team."""
        return arrived(lambda: self._in_mail(_JOIN))[-1]

    def helpdesk_link(self) -> str:
        """The newest link under which a request is confirmed."""
        return arrived(lambda: self._in_mail(_HELPDESK))[-1]

    def write(self, department: str, subject: str, text: str, **chosen: str) -> None:
        """The helpdesk's form, not yet sent; `chosen` are options by the label of their box."""
        self.page.goto(f"{DESK}/new/{department}")
        if self.page.get_by_label("Email").count():
            self.page.get_by_label("Email").fill(self.email)
        for label, option in chosen.items():
            self.page.get_by_label(label.replace("_", " ")).select_option(label=option)
        self.page.get_by_label("Subject").fill(subject)
        self.page.get_by_label("Your message").fill(text)

    def _in_mail(self, wanted: re.Pattern[str]) -> list[str]:
        oldest_first = [mail["text"] for mail in reversed(self.mails())]
        return [found for text in oldest_first for found in wanted.findall(text)]

    def log_in(self, order_id: str | None = None) -> None:
        """Into the portal, with the Order ID from the mail."""
        self.page.goto(DEMO)
        self.page.get_by_label("Order ID").fill(order_id or self.order_id())
        self.page.get_by_label("Email").fill(self.email)
        self.press("Sign in")

    def purchase(self, product: str = "Pattern Library") -> Locator:
        """The module of one purchase."""
        return self.page.get_by_role("region", name=product)

    def download(self, link: Locator) -> PdfReader:
        """A document behind a link, as it was saved."""
        with self.page.expect_download() as waiting:
            link.click()
        assert waiting.value.suggested_filename == "invoice.pdf"
        with open(waiting.value.path(), "rb") as file:
            return PdfReader(io.BytesIO(file.read()))


class Seller(Person):
    """The demo merchant in the console."""

    def sign_in(self) -> None:
        self.page.goto("/_dev/console")
        self.press("Sign in")


def arrived(look: Callable[[], T]) -> T:
    """Returns the first result of a look, once there is one: mail goes out behind the answer."""
    deadline = time.monotonic() + SECONDS_TO_ARRIVE
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not arrive")
