"""Buying where Stripe asks for the card: off to its page and its bank's, and back (C-1, W-1)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import chromium
from tests.browser.people import LIBRARY, Customer
from tests.local_stack.laptop import Laptop

pytestmark = pytest.mark.slow

THANKS = "Thank you, Ann Example"
_STRIPE = re.compile(r"/c/pay/acct_demo/cs_test_")
_BANK = re.compile(r"/3d_secure_2/hosted/acct_demo/")


@pytest.fixture
def ann(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Customer]:
    """At a shop that sells through Stripe, as `make run` does."""
    laptop = Laptop(tmp_path_factory.mktemp("stripe") / "data").start()
    window = chromium.context(browser, laptop)
    yield Customer(window.new_page(), laptop, "ann@example.com")
    window.close()
    laptop.stop()


def go_to_stripe(ann: Customer) -> None:
    """From our form to Stripe's, through the page between."""
    ann.page.goto(f"/checkout/{LIBRARY}")
    ann.fill_in(card=None)
    ann.pay_button.click()
    ann.page.wait_for_url(_STRIPE)


def give(ann: Customer, card: str) -> None:
    ann.page.get_by_label("Test card").select_option(card)
    ann.press("Save a card")


@pytest.mark.spec("C-1", "W-1")
def test_a_card_given_at_stripe_buys_after_one_that_was_declined(ann: Customer) -> None:
    go_to_stripe(ann)
    give(ann, "pm_card_chargeDeclined")
    assert ann.says("Your card was declined.")
    give(ann, "pm_card_visa")
    expect(ann.page.get_by_role("heading", level=1)).to_have_text(THANKS)
    [charge] = ann.laptop.get("/_dev/charges")["data"]
    assert (charge["gateway"], charge["status"]) == ("stripe", "succeeded")


@pytest.mark.spec("C-1", "C-4", "W-1")
def test_a_bank_that_asks_at_stripe_is_answered_there(ann: Customer) -> None:
    go_to_stripe(ann)
    give(ann, "pm_card_authenticationRequired")
    ann.page.wait_for_url(_BANK)
    ann.page.get_by_role("button", name="Complete").click()
    # This card's bank asks at every payment too, not just when the card is saved.
    ann.page.get_by_role("link", name="Continue to your bank").click()
    ann.page.wait_for_url(_BANK)
    assert ann.says("$29.99")
    ann.page.get_by_role("button", name="Complete").click()
    expect(ann.page.get_by_role("heading", level=1)).to_have_text(THANKS)
    assert len(ann.laptop.get("/_dev/charges")["data"]) == 1
