"""The merchant's side: signing in, finding an order, a customer's page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext

from tests.browser.people import LIBRARY, Customer, Seller
from tests.local_stack.laptop import Laptop

pytestmark = pytest.mark.slow


@pytest.fixture
def order_id(ann: Customer) -> str:
    """Of something that Ann has bought."""
    assert ann.laptop.buy(LIBRARY, ann.email)[0] == 201
    return ann.order_id()


def rows(seller: Seller) -> int:
    """Returns how many orders are listed."""
    return seller.page.get_by_role("row").filter(has=seller.page.get_by_role("cell")).count()


@pytest.mark.spec("M-1")
def test_an_order_is_found_by_its_id_or_email_and_leads_to_its_customer(
    seller: Seller, ann: Customer, order_id: str
) -> None:
    seller.page.goto("/console/transactions")
    assert seller.heading() == "Transactions"
    for words in (order_id, order_id.lower(), ann.email):
        seller.page.get_by_label("Search").fill(words)
        seller.press("Apply")
        assert rows(seller) == 1
        assert order_id in seller.page.get_by_role("row").last.inner_text()
    seller.follow(ann.email)
    assert seller.heading().startswith("Ann Example")
    assert seller.says("Pattern Library")
    assert order_id in seller.page.get_by_role("region", name="Orders").inner_text()
    assert seller.says("1 Main Street")
    seller.follow("Transactions")
    assert seller.heading() == "Transactions"


@pytest.mark.spec("M-1")
def test_the_filters_narrow_the_list_and_are_cleared(
    seller: Seller, ann: Customer, order_id: str
) -> None:
    seller.page.goto("/console/transactions")
    seller.page.get_by_label("Type").select_option(label="Rebill")
    seller.press("Apply")
    assert order_id not in seller.page.content()
    seller.page.get_by_label("Type").select_option(label="Sale")
    seller.page.get_by_label("From").fill("2020-01-01")
    seller.press("Apply")
    assert order_id in seller.page.content()
    seller.page.get_by_label("To").fill("2020-01-31")
    seller.press("Apply")
    assert seller.says("No transactions match")
    assert seller.page.get_by_label("From").input_value() == "2020-01-01"
    seller.page.goto("/console/transactions?from=yesterday")
    assert seller.page.get_by_role("alert").is_visible()
    seller.follow("Clear")
    assert order_id in seller.page.content()


@pytest.mark.spec("M-4", "P-1")
def test_a_product_is_set_up_without_scripts_and_bought(
    opened: Callable[..., BrowserContext], ann: Customer
) -> None:
    page = opened(java_script_enabled=False).new_page()
    seller = Seller(page, ann.laptop)
    seller.sign_in()
    seller.follow("Products")
    seller.follow("New product")
    page.get_by_label("Name").fill("Weaving Course")
    seller.press("Continue")
    page.get_by_label("Price in USD").fill("19.50")
    seller.press("Save price point")
    assert seller.says("$19.50 every month")
    seller.follow("Continue")
    seller.press("Continue")
    page.get_by_label("Sandbox").check()
    seller.press("Continue")
    assert seller.says("What a buyer is charged")
    seller.press("Create product")
    assert seller.heading().startswith("Weaving Course")
    link = page.get_by_label("Checkout link").input_value()
    ann.page.goto(link)
    ann.fill_in()
    ann.pay()
    order_id = ann.order_id()
    page.get_by_label("Find anything").fill(order_id)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert order_id in seller.heading()
    seller.follow(ann.email)
    assert seller.says("Weaving Course")


@pytest.mark.spec("C-7", "M-4")
def test_a_table_of_rates_is_chosen_as_a_file(seller: Seller, tmp_path: Path) -> None:
    table = tmp_path / "rates.csv"
    table.write_text("country,state,name,rate\nUS,VT,VT,0.06\n")
    seller.page.goto("/console/tax")
    seller.page.get_by_text("Replace all rates by a table").click()
    seller.page.get_by_label("File (CSV").set_input_files(table)
    seller.press("Replace all rates")
    assert seller.says("The table of rates has been replaced")
    assert seller.says("United States · VT")


def test_a_link_signs_in_once_and_signing_out_ends_it(seller: Seller) -> None:
    seller.page.goto("/_dev/console")
    link = seller.page.url
    seller.press("Sign in")
    assert seller.heading() == "Home"
    assert seller.page.goto(link).status == 401
    seller.page.goto("/console")
    seller.press("Sign out")
    assert seller.heading() == "You're signed out"
    assert seller.page.goto("/console").status == 401


@pytest.mark.spec("M-1")
def test_the_navigation_of_a_phone_is_folded_and_unfolds_by_keyboard_without_a_script(
    opened: Callable[..., BrowserContext], laptop: Laptop
) -> None:
    seller = Seller(opened(java_script_enabled=False).new_page(), laptop)
    seller.sign_in()
    page = seller.at("/console/tax")
    navigation = page.get_by_role("navigation", name="Console")
    products = navigation.get_by_role("link", name="Products")
    assert products.is_visible(), "there is room for it"
    assert not navigation.get_by_text("Menu", exact=True).is_visible()
    for width in (320, 480):
        page.set_viewport_size({"width": width, "height": 740})
        seller.at("/console/tax")
        assert navigation.is_visible() and not products.is_visible()
        page.get_by_label("Find anything").focus()
        page.keyboard.press("Tab")  # the button of the search
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert products.is_visible()
        marked = navigation.locator("[aria-current]")
        assert marked.all_inner_texts() == ["Tax"]
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/console")
    assert seller.heading() == "Home" and not products.is_visible()
