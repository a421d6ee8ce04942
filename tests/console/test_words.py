"""Merchants read words in place of the codes of gateways and of ours."""

from __future__ import annotations

import re

import pytest

from billing.gateways.declines import AUTHENTICATION_REQUIRED, METHOD_MISSING
from billing.gateways.paypal import refusals
from billing.gateways.sandbox.cards import TEST_CARDS
from billing.gateways.sandbox.refunds import SENT_BACK
from billing.gateways.stripe import declines
from billing.render import messages
from billing.render.wording import merchants_reason
from tests.console.test_pages import rows
from tests.render.html import read
from tests.web.shop import Shop, signed_in

STRIPES_REFUND_FAILURES = {
    "charge_for_pending_refund_disputed",
    "declined",
    "expired_or_canceled_card",
    "insufficient_funds",
    "lost_or_stolen_card",
    "merchant_request",
    "unknown",
}
"""The failure reasons of Stripe's refund object (https://docs.stripe.com/refunds#failed-refunds)."""

CODES = {
    *declines.NEVER_AGAIN,
    *declines.ALIASES.values(),
    *(each.code for each in refusals.DECLINES.values()),
    *refusals.REFUND_REFUSALS.values(),
    *(card.decline.code for card in TEST_CARDS.values() if card.decline is not None),
    *STRIPES_REFUND_FAILURES,
    AUTHENTICATION_REQUIRED,
    METHOD_MISSING.code,
    SENT_BACK,
}
CODE = re.compile(r"\b[a-z]+_[a-z_]+\b")


@pytest.mark.spec("M-1", "R-4")
@pytest.mark.parametrize("code", sorted(CODES))
def test_each_code_that_a_gateway_gives_has_words_for_merchants(code: str) -> None:
    assert messages.has(f"console.reason.{code}")
    assert not CODE.search(merchants_reason(code))


def test_a_code_that_is_new_to_us_is_written_as_words() -> None:
    assert merchants_reason("mobile_device_required") == "Mobile device required"


@pytest.mark.spec("M-1")
def test_the_list_and_a_customers_page_show_no_code() -> None:
    shop = Shop()
    world = shop.world
    world.buy()
    world.buy(email="bob@example.com", payment_method="pm_card_chargeDeclinedInsufficientFunds")
    browser = signed_in(shop)
    page = browser.browse("GET", "/console/transactions")
    assert [row for row in rows(page) if "Insufficient funds" in row]
    customer = world.history().customer
    assert customer is not None
    seen = read(browser.browse("GET", f"/console/customers/{customer.id}").body).text
    assert "LanguageEnglish" in seen.replace(" ", "")
    assert "expires December 2034" in seen
    ids = re.compile(r"\b(sub|cus|pur)_\w+")
    for text in (read(page.body).one("main").text, seen):
        assert not CODE.findall(ids.sub("", text))
