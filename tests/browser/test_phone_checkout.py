"""The checkout on a phone: the form first, the summary folded with its amount visible (C-1)."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.people import LIBRARY, Customer

PHONE, DESKTOP = {"width": 390, "height": 760}, {"width": 1120, "height": 760}


@pytest.mark.spec("C-1", "M-4")
def test_on_a_phone_the_form_comes_first_and_the_summary_unfolds(ann: Customer) -> None:
    page = ann.page
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.goto(f"/checkout/{LIBRARY}")
    total, email = page.locator(".sum"), page.get_by_label("Email")
    expect(total).to_have_text("$29.99")
    place = email.bounding_box()
    assert place is not None and place["y"] < PHONE["height"], "without scrolling"
    cancelling = page.get_by_role("heading", name="How to cancel")
    expect(cancelling).not_to_be_visible()
    page.get_by_text("Order summary").click()
    expect(cancelling).to_be_visible()


@pytest.mark.spec("C-1")
def test_with_room_for_it_the_summary_is_all_there(ann: Customer) -> None:
    ann.page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
    ann.page.goto(f"/checkout/{LIBRARY}")
    expect(ann.page.get_by_role("heading", name="How to cancel")).to_be_visible()
    expect(ann.page.get_by_text("Order summary")).not_to_be_visible()
