"""Buying where Stripe's Payment Element stands on our own page (C-1), with a stand-in for it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import boto3
import pytest
from playwright.sync_api import Browser, ConsoleMessage, expect

from tests.browser import chromium, stripe_js
from tests.browser.people import LIBRARY, Customer
from tests.local_stack.laptop import Laptop

pytestmark = pytest.mark.slow


@pytest.fixture
def embedding(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    """A shop whose merchant has the Element on the page."""
    laptop = Laptop(tmp_path_factory.mktemp("element") / "data").start()
    embed(laptop)
    yield laptop
    laptop.stop()


def embed(laptop: Laptop) -> None:
    """Stores what `perennial gateway keys` stores, before anybody has read what was there."""
    known = json.loads((laptop.data / "stripe.json").read_text())
    keys = {
        "secret_key": known["secret_key"],
        "webhook_secrets": [known["webhook_secret"]],
        "publishable_key": "pk_test_loopback",
        "embedded": True,
    }
    emulator = json.loads((laptop.data / "emulator" / "running.json").read_text())
    boto3.client(
        "ssm",
        endpoint_url=f"http://127.0.0.1:{emulator['port']}",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    ).put_parameter(
        Name="/perennial/prod/demo/stripe/acct_demo_test",
        Value=json.dumps(keys),
        Type="SecureString",
        Overwrite=True,
    )


@pytest.mark.spec("C-1", "W-1")
def test_a_card_given_in_stripes_frame_on_our_page_buys_once(
    browser: Browser, embedding: Laptop
) -> None:
    window = chromium.context(browser, embedding)
    stripe_js.serve(window)
    ann = Customer(window.new_page(), embedding, "ann@example.com")
    complaints: list[str] = []
    ann.page.on("console", lambda line: _note(line, complaints))
    ann.page.on("pageerror", lambda error: complaints.append(str(error)))
    ann.page.goto(f"/checkout/{LIBRARY}")
    frame = ann.page.frame_locator("#payment-element iframe")
    expect(frame.get_by_text("Card number")).to_be_visible()
    ann.fill_in(card=None)
    ann.pay_button.click()
    expect(ann.page.locator("#payment-element-error")).to_have_text(
        "Your card number is incomplete."
    )
    ann.pay_button.click()
    expect(ann.page.get_by_role("heading", level=1)).to_have_text("Thank you, Ann Example")
    [charge] = embedding.get("/_dev/charges")["data"]
    assert (charge["gateway"], charge["status"]) == ("stripe", "succeeded")
    assert complaints == [], "the policy of content lets all of it be"
    window.close()


def _note(line: ConsoleMessage, complaints: list[str]) -> None:
    if line.type in {"error", "warning"}:
        complaints.append(line.text)


@pytest.mark.spec("C-1", "B-11")
def test_without_scripts_the_same_form_leads_to_stripes_page(
    browser: Browser, embedding: Laptop
) -> None:
    window = chromium.context(browser, embedding, java_script_enabled=False)
    ann = Customer(window.new_page(), embedding, "bob@example.com")
    ann.page.goto(f"/checkout/{LIBRARY}")
    ann.fill_in(card=None)
    ann.pay_button.click()
    ann.page.wait_for_url("**/c/pay/acct_demo/cs_test_**")
    window.close()


@pytest.mark.spec("C-1", "C-8")
def test_a_coupon_is_applied_on_the_page_that_has_stripes_frame(
    browser: Browser, embedding: Laptop
) -> None:
    terms = {"code": "SPRING", "basis_points": 2500, "duration": "once"}
    status, answer = embedding.ask("POST", "/v1/coupons", terms)
    assert status == 201, answer
    window = chromium.context(browser, embedding)
    stripe_js.serve(window)
    ann = Customer(window.new_page(), embedding, "ann@example.com")
    ann.page.goto(f"/checkout/{LIBRARY}")
    ann.page.get_by_text("Coupon code").first.click()
    ann.page.get_by_label("Coupon code").fill("spring")
    ann.press("Apply")
    expect(ann.page.get_by_text("Discount with coupon SPRING").first).to_be_visible()
    expect(ann.page.locator("#payment-element-error")).to_be_hidden()
    assert embedding.get("/_dev/charges")["data"] == [], "nothing is bought by applying it"
    ann.fill_in(card=None)
    ann.pay_button.click()
    expect(ann.page.locator("#payment-element-error")).to_be_visible()
    ann.pay_button.click()
    expect(ann.page.get_by_role("heading", level=1)).to_have_text("Thank you, Ann Example")
    [charge] = embedding.get("/_dev/charges")["data"]
    assert charge["amount"]["amount"] == 2249
    window.close()
