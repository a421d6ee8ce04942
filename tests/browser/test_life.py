"""A customer's life, from the directory to the last sign-out, all of it in the browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Locator

from billing.kernel.values import replace
from tests.browser.people import DECLINED_CARD, DEMO, OTHER_CARD, Customer
from tests.local_stack.laptop import Laptop

pytestmark = pytest.mark.slow


@pytest.fixture
def laptop(new_laptop: Laptop) -> Laptop:
    """Its months pass without those of the other tests."""
    return new_laptop


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def ann(
    opened: Callable[..., BrowserContext], ann: Customer, request: pytest.FixtureRequest
) -> Customer:
    """She has either kind of browser."""
    return replace(ann, page=opened(java_script_enabled=request.param).new_page())


@pytest.mark.spec("B-2", "B-4", "B-5", "B-6", "B-7", "B-8", "B-9", "C-1", "C-3", "X-5", "X-7")
def test_from_the_directory_to_the_last_sign_out(ann: Customer) -> None:
    buys(ann)
    a_month_later(ann)
    ann.log_in()
    sees_both_payments(ann)
    downloads_the_invoice(ann)
    cancels_and_thinks_better_of_it(ann)
    changes_the_address(ann)
    changes_the_card(ann)
    a_month_later(ann)
    comes_back_by_a_link(ann)
    finds_the_changes_on_the_next_invoice_alone(ann)
    refunds_a_payment(ann)
    cancels_for_good(ann)
    ann.press("Sign out")
    assert ann.says("You've signed out.")
    assert ann.page.goto(f"{DEMO}/cards").status == 401


def buys(ann: Customer) -> None:
    ann.page.goto("/directory")
    ann.follow("View Pattern Library")
    ann.fill_in()
    ann.pay()
    assert ann.heading() == "Thank you, Ann Example"


def a_month_later(ann: Customer) -> None:
    # No month is longer; the charge is made on the minute after it is due.
    ann.laptop.post("/_dev/clock", {"advance": "P32D"})


def sees_both_payments(ann: Customer) -> None:
    assert ann.heading() == "Your purchases"
    module = ann.purchase().inner_text()
    assert "Active" in module
    assert "$29.99 every month" in module
    assert module.count("Payment\t") == 2
    assert "Next payment: $29.99 on" in module
    ann.purchase().get_by_text("Show details").click()
    assert ann.order_id() in ann.purchase().inner_text()


def invoice(ann: Customer, which: int) -> str:
    """The text of an invoice, newest first."""
    latest = ann.purchase().get_by_role("table", name="Recent payments")
    link = latest.get_by_role("link", name="Download invoice").nth(which)
    return ann.download(link).pages[0].extract_text()


def downloads_the_invoice(ann: Customer) -> None:
    text = invoice(ann, -1)
    assert ann.order_id() in text
    for words in ("Bill to", "Ann Example", "Harbor Lane Studio", "hello@harborlane.example"):
        assert words in text


def cancel(ann: Customer, reason: str, comment: str = "") -> None:
    """From the X beside the next payment to the result."""
    ann.go(ann.purchase().get_by_role("link", name="Cancel"))
    assert ann.heading() == "Cancel Pattern Library"
    assert ann.says("Your subscription stays active until")
    ann.page.get_by_label("Why are you cancelling?").select_option(label=reason)
    ann.page.get_by_label("Anything else you'd like to add?").fill(comment)
    ann.press("Confirm cancellation")
    assert ann.heading() == "Your cancellation is confirmed"


def cancels_and_thinks_better_of_it(ann: Customer) -> None:
    cancel(ann, "It's too expensive")
    assert ann.says("Reference")
    ann.go(ann.page.get_by_role("link", name="Back to your purchases").last)
    module = ann.purchase().inner_text()
    assert "Ends on" in module
    assert "Next payment" not in module
    ann.press("Keep my subscription")
    assert ann.says("Your subscription will continue.")
    assert "Next payment: $29.99 on" in ann.purchase().inner_text()


def cancels_for_good(ann: Customer) -> None:
    cancel(ann, "It's missing something I need", "Patterns for <left-handed> people & others")
    ann.page.goto(DEMO)
    ann.purchase().get_by_text("Show details").click()
    entries = ann.purchase().get_by_role("table", name="Full history").inner_text()
    assert entries.count("Cancellation requested") == 2
    assert entries.count("Withdrawn") == 1


def changes_the_address(ann: Customer) -> None:
    ann.go(ann.purchase().get_by_role("link", name="Billing address"))
    assert ann.page.get_by_label("City").input_value() == "Springfield"
    ann.page.get_by_label("Address", exact=True).fill("2 Side Street")
    ann.page.get_by_label("City").fill("Shelbyville")
    ann.press("Save address")
    assert ann.says("Your billing address has been saved.")


def listed_cards(ann: Customer) -> list[str]:
    """The last digits of the saved cards, and of which is the default."""
    return [
        row.get_by_role("strong").inner_text()[-4:] + ("*" if "Default" in row.inner_text() else "")
        for row in ann.page.get_by_role("region", name="Your cards").get_by_role("listitem").all()
    ]


def card(ann: Customer, digits: str) -> Locator:
    return ann.page.get_by_role("listitem").filter(has_text=digits)


def changes_the_card(ann: Customer) -> None:
    ann.follow("Cards: Pattern Library")
    assert listed_cards(ann) == ["4242*"]
    assert ann.says("Keep at least one card while a subscription can still charge it.")
    assert card(ann, "4242").get_by_role("link", name="Remove").count() == 0
    ann.follow("Add a card")
    ann.choose(DECLINED_CARD)
    ann.press("Save card")
    assert ann.says("Your card was declined")
    ann.choose(OTHER_CARD)
    ann.press("Save card")
    assert ann.says("Your card has been saved.")
    assert listed_cards(ann) == ["4444*", "4242"]
    ann.go(card(ann, "4242").get_by_role("link", name="Make default"))
    ann.press("Make default")
    assert listed_cards(ann) == ["4242*", "4444"]
    ann.go(card(ann, "4242").get_by_role("link", name="Remove"))
    ann.press("Remove card")
    assert ann.says("Your card has been removed.")
    assert listed_cards(ann) == ["4444*"]
    assert card(ann, "4444").get_by_role("link", name="Remove").count() == 0


def comes_back_by_a_link(ann: Customer) -> None:
    ann.page.goto(f"{DEMO}/cards")
    assert ann.heading() == "Please sign in"
    ann.follow("Sign in")
    ann.follow("Don't have an Order ID? Email me a link")
    ann.page.get_by_label("Email").fill(ann.email)
    ann.press("Send link")
    assert ann.heading() == "Check your email"
    link = ann.portal_link()
    ann.page.goto(link)
    ann.press("Sign in")
    assert ann.heading() == "Your purchases"
    assert ann.page.goto(link).status == 401
    assert ann.heading() == "This link has expired"
    ann.follow("Sign in")


def finds_the_changes_on_the_next_invoice_alone(ann: Customer) -> None:
    for words in ("2 Side Street", "Shelbyville", "4444"):
        assert words in invoice(ann, 0)
        assert words not in invoice(ann, 1)
    assert "1 Main Street" in invoice(ann, 1)


def refunds_a_payment(ann: Customer) -> None:
    # Of three payments, two are more than 30 days old.
    ann.go(ann.purchase().get_by_role("link", name="Refund"))
    assert ann.heading() == "Refund this payment"
    cancels_as_well = ann.page.get_by_label("Also cancel Pattern Library")
    assert cancels_as_well.is_checked()
    cancels_as_well.uncheck()
    ann.press("Refund $29.99")
    assert ann.heading() == "Refunded"
    ann.page.goto(DEMO)
    module = ann.purchase().inner_text()
    assert "Refunded" in module
    assert "Next payment: $29.99 on" in module
