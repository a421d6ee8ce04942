"""Presets: exports of other systems are read as they write them (M-6)."""

from __future__ import annotations

import pytest

from tests.migration.files import rows, selling, sent, table
from tests.web.shop import Shop

pytestmark = pytest.mark.spec("M-6")

STRIPES = {
    "id": "sub_1",
    "Customer ID": "cus_1",
    "Customer Email": "ann@example.com",
    "Customer Name": "Ann",
    "Plan": "price_1",
    "Product": "prod_1",
    "Quantity": "1",
    "Currency": "usd",
    "Interval": "month",
    "Amount": "29.99",
    "Status": "active",
    "Created (UTC)": "2025-12-20 15:00",
    "Start Date (UTC)": "2025-12-20 15:00",
    "Current Period Start (UTC)": "2026-01-20 15:00",
    "Current Period End (UTC)": "2026-02-20 15:00",
    "Trial Start (UTC)": "",
    "Trial End (UTC)": "",
    "Canceled At (UTC)": "",
    "Ended At (UTC)": "",
    "Coupon": "",
}


@pytest.fixture
def shop() -> Shop:
    shop = selling()
    shop.world.change_merchant(gateway_accounts=())
    return shop


def found(shop: Shop, *changed: dict[str, str], **query: str) -> list[list[str]]:
    made = ({**STRIPES, "id": f"sub_{n}", **each} for n, each in enumerate(changed, 1))
    asked = sent(shop, table(*made), preset="stripe", **query)
    assert asked["source"] == "stripe"
    return [
        [each["reason"] for each in row["problems"] if each["reason"] != "gateway_without_account"]
        for row in sorted(rows(shop, asked["id"]), key=lambda row: int(row["number"]))
    ]


def test_a_subscriptions_export_of_stripe_is_read(shop: Shop) -> None:
    assert found(
        shop,
        {},
        {"Status": "trialing", "Trial End (UTC)": "2026-02-20 15:00"},
        {"Status": "past_due"},
        {"Status": "canceled"},
        {"Ended At (UTC)": "2026-01-02 10:00"},
        {"Quantity": "3"},
        {"Interval": "day"},
        {"Currency": "jpy"},
        {"Coupon": "SPRING"},
        {"Customer ID": ""},
        {"Amount": "12.00"},
    ) == [
        [],
        [],
        ["past_due"],
        ["status_ended"],
        ["status_ended"],
        ["quantity"],
        ["period_unknown"],
        ["currency_unknown"],
        ["coupon_unknown"],
        ["card_missing"],
        ["price_unmatched"],
    ]


def test_a_stripe_export_keeps_its_times_in_utc(shop: Shop) -> None:
    asked = sent(shop, table(STRIPES), preset="stripe")
    (row,) = rows(shop, asked["id"])
    assert row["cells"]["zone"] == "UTC"
    assert row["cells"]["source_price"] == "price_1"


CHARGEBEES = {
    "customer[id]": "cb_1",
    "customer[email]": "ann@example.com",
    "subscription[id]": "s1",
    "subscription[plan_id]": "gold",
    "subscription[plan_quantity]": "1",
    "subscription[plan_unit_price]": "29.99",
    "currency": "USD",
    "subscription[status]": "active",
    "subscription[trial_start]": "",
    "subscription[trial_end]": "",
    "subscription[started_at]": "20-Dec-2025 15:00",
    "subscription[current_term_start]": "20-Jan-2026 15:00",
    "subscription[current_term_end]": "20-Feb-2026 15:00",
    "subscription[cancelled_at]": "",
    "billing_cycles": "",
    "coupon_ids[0]": "",
}


def test_a_chargebee_export_needs_its_plans_named(shop: Shop) -> None:
    """Its unit price may be in cents or not, and it names no period: nothing is guessed."""
    asked = sent(shop, table(CHARGEBEES), preset="chargebee")
    (row,) = rows(shop, asked["id"])
    assert "price_missing" in [each["reason"] for each in row["problems"]]
    assert row["cells"]["source_price"] == "gold"
