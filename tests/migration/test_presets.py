"""Presets: exports of other systems are read as they write them (M-6)."""

from __future__ import annotations

import pytest

from billing.kernel.errors import Refused
from billing.migration.flows import mappings, uploads
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


@pytest.mark.parametrize("status", ["active", "trialing"])
def test_what_was_cancelled_at_stripe_and_runs_on_to_its_end_is_not_charged_here(
    shop: Shop, status: str
) -> None:
    """Stripe's own columns say so by the instant of the cancellation alone."""
    ends = {"Status": status, "Canceled At (UTC)": "2026-01-25 10:00"}
    (row,) = rows(shop, sent(shop, table({**STRIPES, **ends}), preset="stripe")["id"])
    assert row["cells"]["status"] == "cancel_pending"
    assert row["cells"]["cancel_at"] == "2026-02-20 15:00"
    assert "next_charge_at" not in row["cells"]


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
    assert "price_unnamed" in [each["reason"] for each in row["problems"]]
    assert row["cells"]["source_price"] == "gold"


def test_a_trial_that_was_cancelled_at_chargebee_is_not_charged_here(shop: Shop) -> None:
    ends = {
        "subscription[status]": "in_trial",
        "subscription[trial_end]": "20-Feb-2026 15:00",
        "subscription[cancelled_at]": "20-Feb-2026 15:00",
    }
    (row,) = rows(shop, sent(shop, table({**CHARGEBEES, **ends}), preset="chargebee")["id"])
    assert row["cells"]["status"] == "cancel_pending"
    assert row["cells"]["cancel_at"] == "20-Feb-2026 15:00"
    assert "next_charge_at" not in row["cells"]


def test_what_chargebee_charges_so_many_times_is_not_charged_here_without_an_end(
    shop: Shop,
) -> None:
    ports, merchant = shop.world.ports, shop.world.merchant
    point = shop.world.store.catalog("acme")[0][0].default_price_point
    first = sent(shop, table(CHARGEBEES), preset="chargebee")
    asked = shop.world.store.import_("acme", first["id"])
    assert asked is not None
    mappings.save_prices(ports, merchant, asked, {"gold": point}, now=shop.world.now)
    assert [
        [each["reason"] for each in rows(shop, found["id"])[0]["problems"]]
        for cycles in ("", "3")
        for found in [
            sent(shop, table({**CHARGEBEES, "billing_cycles": cycles}), preset="chargebee")
        ]
    ] == [[], ["payments_total_differs"]]


def test_a_card_map_says_where_cards_were_copied_to(shop: Shop) -> None:
    """Whoever is not in it has no card here."""
    ports = shop.world.ports
    file = table(STRIPES, {**STRIPES, "id": "sub_2", "Customer ID": "cus_2"})
    cards = table({"old_customer_id": "cus_1", "stripe_customer_id": "cus_new"})
    kept = [uploads.keep(ports, "acme", each.encode()) for each in (file, cards)]
    asked = shop.api.post(
        "/v1/imports", {"upload": kept[0], "preset": "stripe", "cards": kept[1]}
    ).json
    found = sorted(rows(shop, asked["id"]), key=lambda row: int(row["number"]))
    assert found[0]["cells"]["gateway_customer"] == "cus_new"
    assert ["card_missing" in str(row["problems"]) for row in found] == [False, True]
    wrong = shop.api.post("/v1/imports", {"upload": kept[0], "preset": "stripe", "cards": kept[0]})
    assert wrong.json["refused"]["reason"] == "cards_columns"


def test_a_mapping_that_was_changed_meanwhile_is_refused(shop: Shop) -> None:
    ports, merchant = shop.world.ports, shop.world.merchant
    columns = {"ID": "external_id", "Mail": "email"}

    def save(version: int | None) -> int:
        return mappings.save_columns(
            ports, merchant, "kartra", columns, version=version, now=shop.world.now
        ).version

    assert save(None) == 1
    assert save(1) == 2
    with pytest.raises(Refused) as stale:
        save(1)
    assert stale.value.code == "mapping_changed"
    upload = uploads.keep(ports, "acme", b"ID,Mail\n1,a@example.com\n")
    body = {"upload": upload, "mapping": "kartra"}
    answer = shop.api.post("/v1/imports", {**body, "mapping_version": 1})
    assert (answer.status, answer.json["code"]) == (409, "mapping_changed")
    assert shop.api.post("/v1/imports", {**body, "mapping_version": 2}).json["blocking"] == 1
