"""A request from a customer's browser to an agent's, and back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.people import DEMO, DESK, LIBRARY, Customer, Seller, arrived

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def manual(ann: Customer) -> Iterator[None]:
    """The helpdesk decides about refunds."""
    before = ann.laptop.get("/v1/settings")
    ann.laptop.ask("PATCH", "/v1/settings", {"self_refund": "manual", "portal": "helpdesk"})
    yield
    kept = {name: before[name] for name in ("self_refund", "portal")}
    ann.laptop.ask("PATCH", "/v1/settings", kept)


@pytest.mark.spec("H-2", "H-3", "B-1", "B-7")
def test_an_agent_approves_a_refund_that_was_asked_for_in_my_orders(
    ann: Customer, seller: Seller
) -> None:
    status, bought = ann.laptop.buy(LIBRARY, ann.email)
    assert status == 201
    subscription = bought["subscription"]
    ann.log_in()
    assert ann.heading() == "My orders"
    ann.go(ann.purchase().get_by_role("link", name="Refund"))
    ann.press("Request a refund of $29.99")
    ann.follow("View your request")
    assert ann.says("Someone at Harbor Lane Studio will read your message")

    seller.follow("Tickets")
    row = seller.page.get_by_role("row").filter(has_text=ann.email)
    seller.go(row.get_by_role("link"))
    assert seller.says("$29.99 will be refunded for Pattern Library")
    assert ann.order_id() in seller.page.get_by_role("region", name="Orders").inner_text()
    seller.page.get_by_label("Your message").fill("A moment, please.")
    seller.press("Send reply")
    box = seller.page.get_by_role("checkbox", name="Also cancel Pattern Library now")
    assert box.is_checked(), "it is the latest payment"
    box.uncheck()
    seller.press("Approve and refund $29.99")
    assert seller.says("Approved and carried out")

    ann.page.reload()
    assert ann.says("A moment, please.") and ann.says("Your request was approved")
    ann.page.goto(DEMO)
    assert "Refunded" in ann.purchase().inner_text()
    assert ann.says("Next payment"), "a refund alone does not cancel"
    refunded = [
        charge["refunded"]
        for charge in ann.laptop.get("/_dev/charges")["data"]
        if charge["invoice"].startswith(subscription)
    ]
    assert refunded == [2999]
    approved = "[TEST] Your refund for Pattern Library was approved"
    assert arrived(lambda: approved in [mail["subject"] for mail in ann.mails()])


@pytest.mark.spec("H-2", "H-6")
def test_a_visitor_writes_confirms_by_mail_and_is_answered(ann: Customer, seller: Seller) -> None:
    ann.page.goto(DESK)
    ann.follow("Contact Ask Before Buying")
    ann.page.get_by_label("Email").fill(ann.email)
    ann.page.get_by_label("Subject").fill("Before I buy")
    ann.page.get_by_label("Your message").fill("Is there a plan for two?")
    ann.press("Send")
    assert ann.heading() == "Check your email"
    ann.page.goto(ann.helpdesk_link())
    ann.press("Send now")
    assert ann.says("Your message has been sent")
    thread = ann.page.url

    seller.follow("Tickets")
    seller.go(seller.page.get_by_role("row").filter(has_text=ann.email).get_by_role("link"))
    assert seller.says(f"No customer found for {ann.email}")
    seller.page.get_by_label("Your message").fill("Not yet.")
    seller.press("Reply and close")
    ann.page.goto(thread)
    assert ann.says("Not yet.") and ann.says("This request is closed")
