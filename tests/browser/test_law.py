"""One life in each region that has words of its own: from the checkout to the receipt (X-10)."""

from __future__ import annotations

import pytest

from tests.browser.people import LIBRARY, Customer, arrived

pytestmark = pytest.mark.slow

LIVES = (
    ("DE", None, "de", "Verträge hier kündigen", "jetzt kündigen"),
    ("FR", None, "fr", "résilier votre contrat", None),
    ("IT", None, "it", "recedere dal contratto qui", "confermare il recesso"),
    ("US", "CA", "en", "click to cancel", None),
    ("US", "NY", "en", "Cancel a contract", None),
)
"""Country, state, language, the label of the link, and of the last click: letter for letter as
REGIONS.md has them."""


@pytest.mark.spec("X-10", "X-2")
def test_a_life_in_each_region_from_the_checkout_to_the_receipt(ann: Customer) -> None:
    for country, state, language, label, last in LIVES:
        email = f"{country}{state or ''}.{ann.email}".lower()
        address = {"line1": "1 Main Street", "city": "Town", "country": country}
        address |= {"postal_code": "12345"} | ({} if state is None else {"state": state})
        status, bought = ann.laptop.buy(LIBRARY, email, address=address)
        assert status == 201, bought
        place = f"country={country}&lang={language}" + (f"&state={state}" if state else "")
        ann.at(f"/checkout/{LIBRARY}?{place}")
        link = ann.page.get_by_role("link", name=label, exact=True)
        assert link.is_visible(), (country, state)
        ann.page.goto(f"{link.get_attribute('href')}")
        if country in {"DE", "FR", "IT"}:
            assert ann.heading() == label
            assert ann.page.locator("nav, img").count() == 0, (
                "nothing but the fields and the button"
            )
        for name, typed in {
            "name": "Ann",
            "contract": bought["subscription"],
            "contact": email,
        }.items():
            ann.page.locator(f"[name={name}]").fill(typed)
        button = ann.page.locator("main form button").first
        assert last is None or button.inner_text() == last
        ann.go(button)
        if country == "FR":  # its summary page, and the last click
            assert ann.page.locator("dl.facts").is_visible()
            ann.go(ann.page.locator("main form button").first)
        assert ann.page.locator("main form").count() == 0, "no more is asked"
        assert ann.page.locator("dl.facts").inner_text().count(email) == 1, "the receipt on screen"
    told = {f"{country}{state or ''}.{ann.email}".lower() for country, state, *_ in LIVES}

    def mailed() -> set[str]:
        mails = ann.laptop.get("/_dev/mail")["data"]
        about = [mail for mail in mails if "/cancel/demo" in mail["text"] or mail["subject"]]
        return {mail["to"] for mail in about} & told

    assert arrived(lambda: mailed() == told)
