"""A business in Germany buys with a coupon and a VAT id from a French seller (C-7, C-8, M-13)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import chromium
from tests.browser.people import GOOD_CARD, LIBRARY, Customer
from tests.local_stack.laptop import Laptop

pytestmark = pytest.mark.slow

FRENCH = {
    "legal_name": "Harbor Lane SARL",
    "address": {
        "country": "FR",
        "line1": "1 rue de Rivoli",
        "city": "Paris",
        "postal_code": "75001",
    },
    "tax_ids": [{"country": "FR", "number": "40303265045"}],
    "e_invoices": True,
}


@pytest.fixture
def french(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    """A shop of a seller who is registered in France for all of the EU."""
    laptop = Laptop(tmp_path_factory.mktemp("french") / "data", SELL_AT="sandbox").start()
    asked = (
        ("PATCH", "/v1/settings", {"identity": FRENCH}),
        ("PATCH", "/v1/tax/settings", {"trust_format": True, "vies": False}),
        ("POST", "/v1/tax/registrations", {"scheme": "eu_oss", "home": "FR"}),
        ("POST", "/v1/coupons", {"code": "SPRING", "basis_points": 2500, "duration": "once"}),
    )
    for method, address, document in asked:
        status, answer = laptop.ask(method, address, document)
        assert status in {200, 201}, answer
    yield laptop
    laptop.stop()


@pytest.mark.spec("C-7", "C-8", "M-13", "B-5")
def test_a_german_business_buys_with_a_coupon_and_owes_the_tax_itself(
    browser: Browser, french: Laptop
) -> None:
    window = chromium.context(browser, french, java_script_enabled=False)
    buyer = Customer(window.new_page(), french, "ann@example.com")
    page = buyer.page
    page.goto(f"/checkout/{LIBRARY}?coupon=spring")
    expect(page.get_by_text("Discount with coupon SPRING").first).to_be_visible()
    buyer.fill_in(GOOD_CARD)
    page.get_by_label("Country").select_option(label="Germany")
    page.get_by_label("Postal code").fill("10117")
    page.get_by_label("Tax ID, for businesses").fill("DE 136695976")
    buyer.pay()
    if not buyer.heading().startswith("Thank you"):  # the totals that the address changed
        buyer.pay()
    assert buyer.heading().startswith("Thank you")
    [charge] = french.get("/_dev/charges")["data"]
    assert charge["amount"]["amount"] == 2249, "a quarter off, and no tax"

    buyer.log_in()
    rows = buyer.purchase()
    text = buyer.download(rows.get_by_role("link", name="Download invoice").first)
    words = "\n".join(each.extract_text() for each in text.pages)
    for said in ("Harbor Lane SARL", "DE136695976", "SPRING", "reverse charge"):
        assert said.lower() in words.lower(), words
    assert "factur-x.xml" in text.attachments
    with page.expect_download() as waiting:
        rows.get_by_role("link", name="E-invoice").first.click()
    with open(waiting.value.path(), encoding="utf-8") as file:
        xml = file.read()
    assert "<ram:CategoryCode>AE</ram:CategoryCode>" in xml and "DE136695976" in xml
    window.close()
