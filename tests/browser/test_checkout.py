"""Buying, as a buyer sees it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.people import CONFIRMED_CARD, DECLINED_CARD, OTHER_CARD, Customer, arrived

pytestmark = pytest.mark.slow

THANKS = "Thank you, Ann Example"


def orders(customer: Customer) -> list[str]:
    """The kinds of their orders, newest first."""
    everything = customer.laptop.all("/v1/orders")
    return [order["kind"] for order in everything if order["email"] == customer.email]


@pytest.mark.spec("C-1", "P-14")
def test_the_directory_leads_to_a_checkout_that_says_what_it_costs(ann: Customer) -> None:
    ann.page.goto("/directory")
    ann.follow("View Pattern Library")
    assert ann.heading() == "Pattern Library"
    summary = ann.page.get_by_role("region", name="Pattern Library").inner_text()
    assert "$29.99 every month" in summary
    assert "Due today" in summary
    assert "Payments continue on this schedule until you cancel." in summary
    assert "How to cancel" in summary
    assert ann.pay_button.inner_text() == "Subscribe and pay $29.99"


@pytest.mark.spec("C-2")
def test_pressing_the_button_twice_buys_once(ann: Customer) -> None:
    ann.page.goto("/checkout/demo.library-1")
    ann.fill_in()
    ann.pay_button.dblclick()
    expect(ann.page.get_by_role("heading", level=1)).to_have_text(THANKS)
    ann.page.reload()
    assert ann.heading() == THANKS
    assert orders(ann) == ["sale"]
    assert len(arrived(ann.mails)) == 1


@pytest.mark.spec("C-2")
def test_going_back_and_pressing_again_buys_nothing_unasked(ann: Customer) -> None:
    ann.buy()
    ann.page.go_back()
    # A browser that kept the form sends the same attempt; one that fetched it anew is asked first.
    ann.fill_in()
    ann.pay()
    assert ann.heading() == THANKS or ann.says("Buy this again?")
    assert orders(ann) == ["sale"]


@pytest.mark.spec("C-2")
def test_buying_the_same_again_is_asked_about_first(ann: Customer) -> None:
    ann.buy()
    ann.buy()
    assert ann.says("Buy this again?")
    assert ann.page.get_by_label("Email").input_value() == ann.email
    assert orders(ann) == ["sale"]
    ann.page.get_by_label("Yes, buy it again").check()
    ann.pay()
    assert ann.heading() == THANKS
    assert orders(ann) == ["sale", "sale"]


@pytest.mark.spec("C-4", "W-3")
def test_a_bank_that_asks_is_answered_and_the_purchase_is_made(ann: Customer) -> None:
    ann.buy(card=CONFIRMED_CARD)
    assert ann.heading() == "Confirm your payment"
    assert orders(ann) == []
    ann.follow("Continue to your bank")
    assert ann.says("$29.99")
    ann.press("Complete")
    assert ann.heading() == THANKS
    assert orders(ann) == ["sale"]


@pytest.mark.spec("C-4", "W-3")
def test_a_bank_that_is_refused_leads_to_another_card(ann: Customer) -> None:
    ann.buy(card=CONFIRMED_CARD)
    ann.follow("Continue to your bank")
    ann.press("Fail")
    assert ann.heading() == "Your payment was declined"
    ann.follow("Try another card")
    ann.fill_in(OTHER_CARD)
    ann.pay()
    assert ann.heading() == THANKS
    assert orders(ann) == ["sale", "failed"]


@pytest.mark.spec("C-4")
def test_a_declined_card_says_what_to_do_and_another_one_buys(ann: Customer) -> None:
    ann.buy(card=DECLINED_CARD)
    assert ann.heading() == "Your payment was declined"
    assert ann.says("Use another card, or ask your bank why.")
    assert ann.says("You haven't been charged.")
    ann.follow("Try another card")
    ann.fill_in()
    ann.pay()
    assert ann.heading() == THANKS
    assert orders(ann) == ["sale", "failed"]


def test_what_is_wrong_is_shown_beside_the_field_and_what_was_typed_stays(ann: Customer) -> None:
    ann.page.goto("/checkout/demo.library-1")
    ann.fill_in()
    # The browser finds nothing wrong with these; the shop does.
    ann.page.get_by_label("Email").fill("ann@example")
    ann.page.get_by_label("Name", exact=True).fill(" ")
    ann.pay()
    assert ann.page.title().startswith("Error:")
    assert ann.page.get_by_role("alert").is_visible()
    name = ann.page.get_by_label("Name", exact=True)
    assert name.get_attribute("aria-invalid") == "true"
    assert ann.page.get_by_label("City").input_value() == "Springfield"
    assert orders(ann) == []


@pytest.mark.spec("B-2")
def test_no_page_of_a_checkout_shows_the_order_id(ann: Customer) -> None:
    ann.buy()
    assert ann.heading() == THANKS
    order_id = ann.order_id()
    ann.page.reload()
    assert order_id not in ann.page.content()
